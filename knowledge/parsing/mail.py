"""Mail (EML, MHTML): the header people read, the body, text attachments under their names."""

import email
import email.policy
from email.header import decode_header
from email.message import Message

from knowledge.documents import ParsedDocument
from knowledge.errors import UnreadableFileError
from knowledge.parsing.builder import DocumentBuilder, one_line
from knowledge.parsing.encodings import decode
from knowledge.parsing.html import add_html
from knowledge.parsing.markdown import add_markdown
from knowledge.parsing.plain import add_paragraphs
from knowledge.parsing.request import Request

_HEADERS = ("From", "To", "Cc", "Date")
_MAX_PARTS = 500


def parse_mail(request: Request, builder: DocumentBuilder) -> ParsedDocument:
    """Read a mail; attachments that are no text are named in a notice."""
    message = email.message_from_bytes(request.path.read_bytes(), policy=email.policy.compat32)
    subject = _header(message, "Subject")
    if not message.keys():
        raise UnreadableFileError("file_damaged", name=request.name, detail="no_mail_header")
    if subject:
        builder.heading(subject, 1)
    header = [f"{key}: {_header(message, key)}" for key in _HEADERS if message[key]]
    builder.paragraph("\n".join(header))
    skipped: list[str] = []
    body = _body(message)
    for number, part in enumerate(message.walk()):
        if part.is_multipart() or number > _MAX_PARTS:
            continue
        filename = _decoded(part.get_filename() or "")
        if part in body:
            _add_text(builder, part, skipped, filename)
        elif filename and part.get_content_maintype() == "text":
            builder.heading(filename, 2)
            _add_text(builder, part, skipped, filename)
        elif filename:
            skipped.append(filename)
    if skipped:
        builder.notice("attachments_skipped", names=", ".join(skipped))
    return builder.build(title=subject, media_type="message/rfc822")


def _body(message: Message) -> list[Message]:
    """Find the parts that are the letter itself: of each alternative the plain one, or else the HTML."""
    if message.get_content_maintype() != "multipart":
        return [message]
    parts = [part for part in message.get_payload() if isinstance(part, Message)]
    shown = [part for part in parts if part.get_content_disposition() != "attachment"]
    if message.get_content_subtype() != "alternative":
        return [
            found for part in shown if part.is_multipart() or not part.get_filename() for found in _body(part)
        ]
    plain = [part for part in shown if part.get_content_type() == "text/plain" and part.get_payload()]
    return plain[:1] or [found for part in shown[-1:] for found in _body(part)]


def _add_text(builder: DocumentBuilder, part: Message, skipped: list[str], filename: str) -> None:
    if part.get_content_maintype() != "text":
        if filename:
            skipped.append(filename)
        return
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes) or not payload.strip():
        return
    try:
        text, encoding, gaps = decode(payload, declared=part.get_content_charset())
    except UnreadableFileError:
        skipped.append(filename or part.get_content_type())
        return
    builder.decoded(encoding, gaps)
    if part.get_content_subtype() == "html":
        add_html(builder, text)
    elif filename.lower().endswith((".md", ".markdown")):
        add_markdown(builder, text)
    else:
        add_paragraphs(builder, text)


def _header(message: Message, key: str) -> str:
    return _decoded(str(message[key] or ""))


def _decoded(value: str) -> str:
    """Decode the encoded words of a header, whatever character set they claim."""
    words = []
    try:
        parts = decode_header(value)
    except (email.errors.HeaderParseError, ValueError):
        return one_line(value)
    for word, charset in parts:
        if isinstance(word, str):
            words.append(word)
            continue
        try:
            words.append(decode(word, declared=charset)[0])
        except UnreadableFileError:
            words.append(word.decode("ascii", "replace"))
    return one_line("".join(words))
