// Passages and chunks as cards: where they come from, their text with the supporting places lit, scores.

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = rootOf(parentElement)
  for (const item of data.items) {
    const head = el("div", { class: "head" })
    if (item.number) head.append(el("span", { class: "source-number", text: String(item.number) }))
    if (item.title) head.append(el("span", { class: "title", text: item.title }))
    for (const fact of item.facts ?? []) head.append(el("span", { class: "fact", text: fact }))

    const body = el("div", { class: "body" })
    const lit = (item.spans ?? []).map(([start, end]) => ({ start, end }))
    const dimmed = item.overlap ? [{ start: 0, end: item.overlap }] : []
    const leaf = (parent, start, end) =>
      splitByRanges(start, end, lit.length ? lit : dimmed, (from, to, range) => {
        const piece = item.text.slice(from, to)
        if (!range) parent.append(piece)
        else parent.append(el(lit.length ? "mark" : "span", { text: piece, class: lit.length ? null : "overlap" }))
      })
    const around = (words) => {
      const block = el("div", { class: "around" })
      renderMarkdown(block, words, (parent, start, end) => parent.append(words.slice(start, end)))
      body.append(block)
    }
    if (item.before) around(item.before)
    const text = el("div", { class: "text" })
    renderMarkdown(text, item.text, leaf)
    body.append(text)
    if (item.after) around(item.after)

    const card = el("article", { class: item.muted ? "card muted" : "card" })
    if (head.childNodes.length) card.append(head)
    if (item.path) card.append(el("div", { class: "path", text: item.path }))
    card.append(body)
    if (item.scores?.length) {
      const scores = el("div", { class: "scores" })
      for (const score of item.scores) {
        const fill = el("span", { class: "fill" })
        fill.style.width = `${Math.round(Math.min(1, Math.max(0, score.value)) * 100)}%`
        scores.append(
          el(
            "div",
            { class: "score" },
            el("span", { class: "score-label", text: score.label }),
            el("span", { class: "track" }, fill),
            el("span", { class: "score-value", text: score.text }),
          ),
        )
      }
      card.append(scores)
    }
    if (item.id !== undefined && data.action) {
      card.append(
        el("button", { class: "action", type: "button", text: data.action, onclick: () => setTriggerValue("opened", item.id) }),
      )
    }
    root.append(card)
  }
  const first = root.querySelector("mark")
  if (first && data.reveal) first.scrollIntoView({ block: "center" })
}
