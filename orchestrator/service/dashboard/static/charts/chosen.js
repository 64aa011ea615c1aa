// The wells that a person has chosen, the same in charts, tables, plates and images; kept while the browser's tab is open.

export class Chosen extends EventTarget {
  constructor(campaign) {
    super();
    this.campaign = campaign;
    this.kept = `wells chosen in ${campaign}`;
    this.ids = new Set(JSON.parse(sessionStorage.getItem(this.kept) ?? "[]"));
  }

  set(ids) {
    this.ids = new Set(ids);
    sessionStorage.setItem(this.kept, JSON.stringify([...this.ids]));
    this.dispatchEvent(new Event("change"));
  }

  toggle(id) {
    const next = new Set(this.ids);
    if (!next.delete(id)) next.add(id);
    this.set(next);
  }

  // Marks them on what the server has rendered, and again whenever that is brought up to date.
  markOn(main) {
    const mark = () => {
      for (const link of main.querySelectorAll("a.well, #proposals tbody th a")) {
        const place = link.classList.contains("well") ? link : link.closest("tr");
        const chosen = this.ids.has(idOf(this.campaign, link.href));
        if (place.classList.contains("picked") !== chosen) place.classList.toggle("picked", chosen);
      }
    };
    const watch = new MutationObserver(mark);
    watch.observe(main, { childList: true, subtree: true, attributeFilter: ["class", "href"] });
    this.addEventListener("change", mark);
    mark();
    return () => { watch.disconnect(); this.removeEventListener("change", mark); };
  }
}

function idOf(campaign, href) {
  const found = href.match(/\/wells\/(\d+)\/(\d+)\/([^/?#]+)/);
  return found && `${campaign}/r${found[1]}/p${found[2]}/${found[3]}`;
}

export const pageOf = (prefix, well) => `${prefix}/campaigns/${well.campaign}/wells/${well.round}/${well.plate}/${well.well}`;

// The wells inside a brush: a range for each axis of the chart; axes of parallel coordinates are at whole numbers.
export function inside(ranges, rows, kind) {
  const within = (value, range) => value >= Math.min(...range) && value <= Math.max(...range);
  const { x, y } = ranges;
  if (!x || !y) return null;
  if (kind !== "parallel") return rows.filter((row) => within(row.x, x) && within(row.y, y)).map((row) => row.id).filter(Boolean);
  const crossed = new Set(rows.map((row) => row.x).filter((place) => within(place, x)));
  const counts = new Map();
  for (const row of rows) if (crossed.has(row.x) && within(row.y, y)) counts.set(row.id, (counts.get(row.id) ?? 0) + 1);
  return [...counts].filter(([, count]) => count === crossed.size).map(([id]) => id);
}
