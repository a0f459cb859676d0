// A small, safe part of Markdown: paragraphs, headings, lists, tables, code, bold. Links and images stay
// the text they are. Every run of text is handed to `leaf(parent, start, end)` with its place in the
// source, so that sentences and highlights can be laid over it; `endBlock(block, end)` follows each block.

const FENCE = /^\s*```/
const HEADING = /^(#{1,6})\s+(?=\S)/
const ITEM = /^(\s*)(?:([-*•])|(\d{1,3})[.)、])\s+(?=\S)/
const RULE_ROW = /^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$/
// A row of a table whose head stands elsewhere, as where a text was cut.
const ROW = /^\s*\|.*\|\s*$/
const INLINE = /`([^`\n]+)`|\*\*(?=\S)([^*]+?)\*\*/g

const linesOf = (text) => {
  const lines = []
  let start = 0
  while (start <= text.length) {
    let end = text.indexOf("\n", start)
    if (end < 0) end = text.length
    lines.push({ start, end, text: text.slice(start, end) })
    start = end + 1
  }
  return lines
}

const renderInline = (parent, text, start, end, leaf) => {
  let at = start
  for (const match of text.slice(start, end).matchAll(INLINE)) {
    const from = start + match.index
    if (from > at) leaf(parent, at, from)
    const code = match[1] !== undefined
    const margin = code ? 1 : 2
    const inner = el(code ? "code" : "strong")
    parent.append(inner)
    leaf(inner, from + margin, from + match[0].length - margin)
    at = from + match[0].length
  }
  if (at < end) leaf(parent, at, end)
}

const cellsOf = (line) => {
  const cells = []
  let from = line.start + (line.text.length - line.text.trimStart().length)
  let to = line.end - (line.text.length - line.text.trimEnd().length)
  const trimmed = line.text.trim()
  if (trimmed.startsWith("|")) from += 1
  if (trimmed.length > 1 && trimmed.endsWith("|") && !trimmed.endsWith("\\|")) to -= 1
  let start = from
  for (let at = from; at <= to; at += 1) {
    const char = line.text[at - line.start]
    if (at === to || (char === "|" && line.text[at - line.start - 1] !== "\\")) {
      cells.push({ start, end: at })
      start = at + 1
    }
  }
  return cells.map(({ start: a, end: b }) => {
    const raw = line.text.slice(a - line.start, b - line.start)
    return { start: a + (raw.length - raw.trimStart().length), end: b - (raw.length - raw.trimEnd().length) }
  })
}

const renderTable = (root, text, lines, leaf, endBlock) => {
  const table = el("table")
  const headed = lines.length > 1 && RULE_ROW.test(lines[1].text)
  lines.forEach((line, row) => {
    if (RULE_ROW.test(line.text)) return
    const head = headed && row === 0
    const tr = el("tr")
    for (const cell of cellsOf(line)) {
      const td = el(head ? "th" : "td")
      if (cell.end > cell.start) renderInline(td, text, cell.start, cell.end, leaf)
      tr.append(td)
    }
    if (!head && tr.lastChild) endBlock(tr.lastChild, line.end)
    table.append(tr)
  })
  root.append(el("div", { class: "table" }, table))
}

const renderMarkdown = (root, text, leaf, endBlock = () => {}) => {
  const lines = linesOf(text)
  const startsBlock = (i) =>
    FENCE.test(lines[i].text) ||
    HEADING.test(lines[i].text) ||
    ITEM.test(lines[i].text) ||
    startsTable(i)
  const startsTable = (i) =>
    ROW.test(lines[i].text) ||
    (lines[i].text.includes("|") && i + 1 < lines.length && RULE_ROW.test(lines[i + 1].text))
  let i = 0
  let list = null
  while (i < lines.length) {
    const line = lines[i]
    if (!line.text.trim()) {
      i += 1
      continue
    }
    const item = ITEM.exec(line.text)
    if (!item) list = null
    if (FENCE.test(line.text)) {
      let last = i + 1
      while (last < lines.length && !FENCE.test(lines[last].text)) last += 1
      const code = el("code")
      if (last > i + 1) leaf(code, lines[i + 1].start, lines[last - 1].end)
      root.append(el("pre", {}, code))
      endBlock(root, lines[Math.min(last, lines.length - 1)].end)
      i = last + 1
      continue
    }
    const heading = HEADING.exec(line.text)
    if (heading) {
      const block = el("p", { class: "heading", role: "heading", "aria-level": heading[1].length })
      renderInline(block, text, line.start + heading[0].length, line.end, leaf)
      root.append(block)
      endBlock(block, line.end)
      i += 1
      continue
    }
    if (!item && startsTable(i)) {
      let last = i + 1
      while (last < lines.length && lines[last].text.includes("|")) last += 1
      renderTable(root, text, lines.slice(i, last), leaf, endBlock)
      i = last
      continue
    }
    let last = i + 1
    while (last < lines.length && lines[last].text.trim() && !startsBlock(last)) last += 1
    const end = lines[last - 1].end
    if (item) {
      const ordered = item[3] !== undefined
      if (!list || list.ordered !== ordered) {
        list = { ordered, node: el(ordered ? "ol" : "ul") }
        root.append(list.node)
      }
      const block = el("li", { value: item[3] })
      if (item[1].length > 1) block.classList.add("deeper")
      renderInline(block, text, line.start + item[0].length, end, leaf)
      list.node.append(block)
      endBlock(block, end)
    } else {
      const block = el("p")
      renderInline(block, text, line.start, end, leaf)
      root.append(block)
      endBlock(block, end)
    }
    i = last
  }
}
