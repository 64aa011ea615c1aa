"""A slow network: what a page asks for is held back until a test lets it go."""

from collections.abc import Callable

from playwright.sync_api import Page, Request, Route

MOST_FRAMES = 6000  # that are waited for: minutes, where nothing comes at all


class Held:
    """Requests of one page whose address fits a pattern, in the order in which they came.

    Those that `wanted` refuses go on. `number` is how many others there were.
    """

    def __init__(
        self, page: Page, pattern: str, wanted: Callable[[Request], bool] = lambda _: True
    ) -> None:
        self._page, self._pattern, self._wanted = page, pattern, wanted
        self._routes: list[Route] = []
        self.number = 0
        page.route(pattern, self._hold)

    def _hold(self, route: Route) -> None:
        if self._wanted(route.request):
            self._routes.append(route)
            self.number += 1
        else:
            route.fallback()

    def wait(self, number: int = 1) -> None:
        """Until so many were asked for since the beginning."""
        for _ in range(MOST_FRAMES):
            if self.number >= number:
                return
            self._page.evaluate("new Promise((resolve) => requestAnimationFrame(resolve))")
        raise AssertionError(f"{self.number} of {number} requests for {self._pattern}")

    def first(self) -> Route:
        """The oldest that is held, once there is one; it is the test's from now on."""
        self.wait(self.number - len(self._routes) + 1)
        return self._routes.pop(0)

    def end(self) -> None:
        """Let all of them go that are held, and what comes from now on."""
        self._wanted = lambda _: False
        for route in self._routes:
            route.fallback()
        self._routes.clear()
