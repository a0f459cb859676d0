// Why this answer: what was searched, what was found and how each leg ranked it, what the model read,
// and where the time went.

export default function (component) {
  const { data, parentElement } = component
  const root = rootOf(parentElement)
  const { labels } = data
  const section = (title, ...children) => {
    root.append(el("section", {}, el("h4", { text: title }), ...children))
  }

  if (data.query) {
    section(labels.query, el("p", { class: "query", text: data.query }), el("p", { class: "small", text: data.query_note }))
  }
  if (data.passages.length) {
    const head = el("tr")
    for (const column of labels.columns) head.append(el("th", { text: column }))
    const table = el("table", { class: "ranks" }, el("thead", {}, head))
    const rows = el("tbody")
    for (const passage of data.passages) {
      const row = el("tr", { class: passage.cited ? "cited" : null })
      passage.cells.forEach((cell, column) => row.append(el("td", { text: cell, class: column === 1 ? "words" : null })))
      rows.append(row)
    }
    table.append(rows)
    section(labels.passages, el("div", { class: "table" }, table), el("p", { class: "small", text: labels.passages_note }))
  }
  if (data.timings.length) {
    const longest = Math.max(...data.timings.map((timing) => timing.ms), 1)
    const bars = el("div", { class: "bars" })
    for (const timing of data.timings) {
      const fill = el("span", { class: timing.total ? "fill total" : "fill" })
      fill.style.width = `${Math.max(0.5, (timing.ms / longest) * 100)}%`
      bars.append(
        el("span", { class: "bar-label", text: timing.label }),
        el("span", { class: "track" }, fill),
        el("span", { class: "bar-value", text: timing.text }),
      )
    }
    section(labels.timings, bars)
  }
  if (data.tokens.length) {
    const facts = el("dl")
    for (const [label, value] of data.tokens) facts.append(el("div", {}, el("dt", { text: label }), el("dd", { text: value })))
    section(labels.tokens, facts)
  }
  if (data.prompt) {
    section(labels.prompt, el("pre", { class: "prompt", text: data.prompt, tabindex: "0" }))
  }
  if (data.record.length) {
    const facts = el("dl")
    for (const [label, value] of data.record) facts.append(el("div", {}, el("dt", { text: label }), el("dd", { text: value })))
    section(labels.record, facts)
  }
}
