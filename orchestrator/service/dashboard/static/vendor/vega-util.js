// What vega-interpreter imports from the package vega-util is part of vega, which is loaded before it.
export const { ascending, isString, DisallowedObjectProperties } = globalThis.vega;
