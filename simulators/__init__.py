"""Equipment that does not exist: virtual robot, biology, camera, clock; reached by the registry."""
