// An answer whose sentences show their sources. Hovering a sentence lights its sources and the other way
// round; clicking either asks the page to open the passage.

const BETWEEN_BLOCKS = /^\s*(?:[-*•]|\d{1,3}[.)、]|#{1,6})?\s*$/

// Up to twelve letters without a space, or the last two Chinese characters.
const LAST_WORD = /(?:[\u3000-\u9fff\uff00-\uffef]{1,2}|[^\s\u3000-\u9fff\uff00-\uffef]{1,12}|)$/

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = rootOf(parentElement)
  const { text, sentences, citations, labels } = data
  const byNumber = new Map(citations.map((citation) => [citation.number, citation]))
  const open = (number, sentence) => setTriggerValue("opened", { number, sentence })

  const peek = el("div", { class: "peek", role: "tooltip" })
  const light = (numbers, sentence) => {
    for (const node of root.querySelectorAll("[data-sentence]")) {
      const own = node.dataset.numbers ? node.dataset.numbers.split(",").map(Number) : []
      const lit = sentence === null ? own.some((n) => numbers.includes(n)) : node.dataset.sentence === String(sentence)
      node.classList.toggle("lit", lit)
    }
    for (const node of root.querySelectorAll("[data-number]")) {
      node.classList.toggle("lit", numbers.includes(Number(node.dataset.number)))
    }
  }
  const unlight = () => light([], null)
  const hidePeek = () => peek.classList.remove("shown")
  const showPeek = (node, number) => {
    const citation = byNumber.get(number)
    if (!citation) return
    peek.replaceChildren(
      el("div", { class: "peek-title", text: citation.title }),
      citation.place ? el("div", { class: "peek-place", text: citation.place }) : null,
      el("div", { class: "peek-quote", text: citation.quote }),
    )
    peek.classList.add("shown")
    const frame = root.getBoundingClientRect()
    const at = node.getBoundingClientRect()
    const left = Math.min(Math.max(0, at.left - frame.left - 24), Math.max(0, frame.width - peek.offsetWidth))
    const above = at.top - peek.offsetHeight - 8 > 64
    peek.style.left = `${left}px`
    peek.style.top = above ? `${at.top - frame.top - peek.offsetHeight - 8}px` : `${at.bottom - frame.top + 8}px`
  }

  const markFor = (number, sentence) =>
    el("button", {
      class: "mark",
      type: "button",
      text: String(number),
      "data-number": number,
      "aria-label": byNumber.get(number)?.label,
      onclick: (event) => {
        event.stopPropagation()
        hidePeek()
        open(number, sentence)
      },
      onmouseenter: (event) => {
        light([number], sentence)
        showPeek(event.currentTarget, number)
      },
      onmouseleave: () => {
        unlight()
        hidePeek()
      },
      onfocus: (event) => showPeek(event.currentTarget, number),
      onblur: hidePeek,
    })

  let nextMarks = 0
  const flushMarks = (parent, upTo) => {
    while (nextMarks < sentences.length && sentences[nextMarks].end <= upTo) {
      const index = nextMarks
      for (const number of sentences[index].citations) parent.append(markFor(number, index))
      nextMarks += 1
    }
  }
  const ranges = sentences.map((sentence, index) => ({ ...sentence, index }))
  // A sentence may end in the marker of the next list item; its marks still belong to this block.
  const endBlock = (parent, end) => {
    const sentence = sentences[nextMarks]
    const beyond = sentence && sentence.end > end && BETWEEN_BLOCKS.test(text.slice(end, sentence.end))
    flushMarks(parent, beyond ? sentence.end : end)
  }
  const spanFor = (piece, sentence) => {
    const cited = sentence.citations.length > 0
    const span = el("span", {
      text: piece,
      class: cited ? "sentence cited" : sentence.supported ? "sentence" : "sentence unsupported",
      "data-sentence": sentence.index,
      "data-numbers": sentence.citations.join(","),
      title: sentence.supported ? null : labels.unsupported,
    })
    if (cited) {
      span.onmouseenter = () => light(sentence.citations, sentence.index)
      span.onmouseleave = unlight
      span.onclick = () => {
        if (!String(parentElement.ownerDocument.getSelection())) open(sentence.citations[0], sentence.index)
      }
    }
    return span
  }
  const leaf = (parent, start, end) => {
    flushMarks(parent, start)
    splitByRanges(start, end, ranges, (from, to, sentence) => {
      if (!sentence) {
        parent.append(text.slice(from, to))
        return
      }
      const space = sentence.start === from ? /^\s*/.exec(text.slice(from, to))[0] : ""
      if (space) parent.append(space)
      const piece = text.slice(from + space.length, to)
      const cited = sentence.citations.length > 0
      const ends = cited && parent.tagName !== "CODE" && sentence.end <= to
      // The last word and its marks stay on one line.
      const tail = ends ? LAST_WORD.exec(piece)[0] : ""
      const head = piece.slice(0, piece.length - tail.length)
      if (head) parent.append(spanFor(head, sentence))
      if (!tail) return
      const together = el("span", { class: "together" }, spanFor(tail, sentence))
      parent.append(together)
      flushMarks(together, to)
    })
  }

  if (data.thinking) {
    root.append(
      el("details", { class: "thinking" }, el("summary", { text: labels.thinking }), el("div", { text: data.thinking })),
    )
  }
  const body = el("div", { class: data.refused ? "body refused" : "body" })
  renderMarkdown(body, text, leaf, endBlock)
  root.append(body)
  if (data.note) root.append(el("div", { class: "note", text: data.note }))

  if (citations.length) {
    const sources = el("div", { class: "sources", role: "list", "aria-label": labels.sources })
    for (const citation of citations) {
      sources.append(
        el(
          "button",
          {
            class: "source",
            type: "button",
            role: "listitem",
            "data-number": citation.number,
            onclick: () => open(citation.number, null),
            onmouseenter: () => light([citation.number], null),
            onmouseleave: unlight,
          },
          el("span", { class: "source-number", text: String(citation.number) }),
          el("span", { class: "source-title", text: citation.title }),
          citation.place ? el("span", { class: "source-place", text: citation.place }) : null,
        ),
      )
    }
    root.append(sources)
  }
  if (sentences.some((sentence) => !sentence.supported)) {
    root.append(
      el("div", { class: "legend" }, el("span", { class: "unsupported", text: labels.legend_sample }), labels.unsupported),
    )
  }
  root.append(peek)
}
