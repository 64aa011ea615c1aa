"use strict";
// What scripts say, in the language of the page: translations come before this file; what has none is said in English.

const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));

const gettext = (text, values = {}) => {
  const words = globalThis.wellwiseWords ?? {};
  return filled(Object.hasOwn(words, text) ? words[text] : text, values);
};

const ngettext = (one, many, number, values = {}) => gettext(number === 1 ? one : many, { number, ...values });

function speak(language) {
  const { prefix } = document.body.dataset;
  document.cookie = `wellwise_language=${language}; path=${prefix || "/"}; max-age=${365 * 24 * 3600}; samesite=strict`;
  location.reload();
}

document.addEventListener("change", (event) => { if (event.target.id === "language") speak(event.target.value); });
{
  const { value } = document.getElementById("language") ?? {};
  if (value && value !== document.documentElement.lang) speak(value); // chosen before this script was there
}
