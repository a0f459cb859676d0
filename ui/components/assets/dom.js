// Shared by every component: elements built by hand. Text from models and documents only ever becomes
// text nodes here; no markup is parsed, so nothing in it can load, run or link to anything.

const el = (tag, props = {}, ...children) => {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue
    if (name === "text") node.textContent = value
    else if (typeof value === "function") node[name] = value
    else node.setAttribute(name, value === true ? "" : String(value))
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""))
  return node
}

const rootOf = (parentElement) => {
  const root = parentElement.querySelector(".root")
  root.replaceChildren()
  return root
}

// Splits [start, end) at the borders of `ranges` (sorted, not overlapping) and hands each piece to
// `emit(from, to, range)`, where range is undefined outside all of them.
const splitByRanges = (start, end, ranges, emit) => {
  let at = start
  for (const range of ranges) {
    if (range.end <= at) continue
    if (range.start >= end) break
    if (range.start > at) emit(at, range.start, undefined)
    const from = Math.max(range.start, at)
    const to = Math.min(range.end, end)
    if (to > from) emit(from, to, range)
    at = to
  }
  if (at < end) emit(at, end, undefined)
}
