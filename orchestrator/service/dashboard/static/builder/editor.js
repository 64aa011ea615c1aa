// The text itself: highlighting, line numbers, completion from the schema, and what is wrong at its line.
import {
  autocompletion, bracketMatching, closeBrackets, closeBracketsKeymap, completionKeymap, defaultKeymap, drawSelection, EditorState, EditorView,
  foldGutter, foldKeymap, highlightActiveLine, highlightActiveLineGutter, HighlightStyle, history, historyKeymap, indentOnInput, keymap, lineNumbers,
  lintGutter, lintKeymap, setDiagnostics, syntaxHighlighting, tags, yaml,
} from "../vendor/codemirror.min.js";
import { completions } from "./completion.js";
import { said } from "./controls.js";

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--strong)" },
  { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--good)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--warn)" },
  { tag: tags.punctuation, color: "var(--soft)" },
]);

const look = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--ground)", border: "1px solid var(--soft)", borderRadius: "8px", height: "70vh", fontSize: "13px" },
  "&.cm-focused": { outline: "3px solid var(--focus)", outlineOffset: "2px" },
  ".cm-scroller": { fontFamily: 'ui-monospace, "DejaVu Sans Mono", monospace', lineHeight: "1.45" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--sheet)", color: "var(--soft)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--calm-ground) 60%, transparent)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--strong) 30%, transparent)" },
  ".cm-tooltip": { backgroundColor: "var(--sheet)", color: "var(--ink)", border: "1px solid var(--line)" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--strong)", color: "var(--on-strong)" },
  ".cm-diagnostic": { whiteSpace: "pre-wrap", maxWidth: "30rem" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--calm-ground)", color: "var(--ink)", border: "none" },
});

// An editor in `place` that shows the text of the store and writes into it.
export function editorIn(place, store) {
  // Within a shadow root its styles are adopted style sheets, which the content policy allows; elsewhere they would be inline.
  const root = place.shadowRoot ?? place.attachShadow({ mode: "open" });
  root.replaceChildren();
  let mine = false;
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: store.text,
      extensions: [
        lineNumbers(), foldGutter(), highlightActiveLine(), highlightActiveLineGutter(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(),
        autocompletion({ override: [completions] }), lintGutter(), yaml(), syntaxHighlighting(colours), look,
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap]),
        EditorView.contentAttributes.of({ "aria-label": gettext("Campaign file"), tabindex: "0", spellcheck: "false", autocorrect: "off", autocapitalize: "off" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !mine) store.write(update.state.doc.toString(), "text");
        }),
      ],
    }),
  });
  const follow = () => {
    if (view.state.doc.toString() !== store.text) {
      mine = true;
      view.dispatch({ changes: changed(view.state.doc.toString(), store.text) });
      mine = false;
    }
    view.dispatch(setDiagnostics(view.state, store.problems.filter((problem) => problem.line).map((problem) => at(view.state.doc, problem))));
  };
  follow();
  store.listeners.add(follow);
  return {
    goTo(number) {
      const line = view.state.doc.line(Math.min(Math.max(1, number), view.state.doc.lines));
      view.dispatch({ selection: { anchor: line.from, head: line.to }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
      view.focus();
    },
    end() { store.listeners.delete(follow); view.destroy(); },
  };
}

function at(doc, problem) {
  const line = doc.line(Math.min(problem.line, doc.lines));
  const from = line.from + line.text.search(/\S|$/);
  return { from, to: line.to, severity: "error", message: `${problem.key ? `${problem.key}: ` : ""}${said(problem)}` };
}

// The one stretch in which two texts differ.
function changed(old, now) {
  let from = 0, tail = 0;
  const most = Math.min(old.length, now.length);
  while (from < most && old[from] === now[from]) from++;
  while (tail < most - from && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail++;
  return { from, to: old.length - tail, insert: now.slice(from, now.length - tail) };
}
