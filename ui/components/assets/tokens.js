// The loss-mask lens: every token a box of its own, coloured by whether it is trained. Spaces and line ends
// are drawn, because a token that is only a line end is trained like any other.

const visible = (text) => text.replaceAll(" ", "·").replaceAll("\t", "→")

export default function (component) {
  const { data, parentElement } = component
  const root = rootOf(parentElement)
  const legend = el("div", { class: "legend" })
  for (const [kind, label] of data.legend) {
    legend.append(el("span", { class: "entry" }, el("span", { class: `token ${kind}`, text: "Aa" }), el("span", { text: label })))
  }
  root.append(legend)
  for (const piece of data.pieces) {
    const head = el("div", { class: "head" })
    if (piece.title) head.append(el("strong", { text: piece.title }))
    head.append(el("span", { text: piece.told }))
    const body = el("div", { class: "tokens", tabindex: "0" })
    for (const [text, kind] of piece.tokens) {
      const parts = text.split("\n")
      parts.forEach((part, at) => {
        const last = at === parts.length - 1
        const shown = visible(part) + (last ? "" : "⏎")
        if (shown) body.append(el("span", { class: `token ${kind}`, text: shown, "data-kind": kind }))
        if (!last) body.append(el("br"))
      })
    }
    if (piece.more) body.append(el("span", { class: "more", text: piece.more }))
    root.append(head, body)
    for (const note of piece.notes) root.append(el("p", { class: "note", text: note }))
  }
}
