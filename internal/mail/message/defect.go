package message

import "slices"

// The kinds of defect. They are written into findings, so they stay as they are.
const (
	ParsersDisagree    DefectKind = "parsers-disagree"     // other programs would see another message
	BareLF             DefectKind = "bare-lf"              // line ends differ within the header
	BareCR             DefectKind = "bare-cr"              // a CR that ends no line, in a header
	NULByte            DefectKind = "nul-byte"             // in a header
	EightBitHeader     DefectKind = "8bit-header"          // a header that is neither ASCII nor UTF-8
	MalformedField     DefectKind = "malformed-field"      // a header line that is none
	NoBlankLine        DefectKind = "no-blank-line"        // a header that ends without one
	NoHeader           DefectKind = "no-header"            // the message begins with its body
	DuplicateField     DefectKind = "duplicate-field"      // RFC 5322 §3.6 allows one
	BadContentType     DefectKind = "bad-content-type"     // unreadable; text/plain assumed (RFC 2045 §5.2)
	BadParameter       DefectKind = "bad-parameter"        // an unreadable or repeated parameter
	BadEncoding        DefectKind = "bad-encoding"         // an unknown or forbidden Content-Transfer-Encoding
	BadBase64          DefectKind = "bad-base64"           // foreign characters, or padding in the middle
	BadQuotedPrintable DefectKind = "bad-quoted-printable" // = without two hex digits
	NoBoundary         DefectKind = "no-boundary"          // a multipart that names none
	GuessedBoundary    DefectKind = "guessed-boundary"     // taken from the first line that looks like one
	UnterminatedPart   DefectKind = "unterminated-part"    // a multipart without its final boundary
	EmptyMultipart     DefectKind = "empty-multipart"      // a multipart without parts
	UnknownCharset     DefectKind = "unknown-charset"      // read as Latin-1, so that no byte is lost
	WrongCharset       DefectKind = "wrong-charset"        // UTF-8 though stated otherwise, or not what is stated
	TooManyBytes       DefectKind = "too-many-bytes"       // Limits.Bytes
	TooManyParts       DefectKind = "too-many-parts"       // Limits.Parts
	TooDeep            DefectKind = "too-deep"             // Limits.Depth
	TooManyFields      DefectKind = "too-many-fields"      // Limits.Fields
	FieldTooLong       DefectKind = "field-too-long"       // Limits.FieldBytes
	DecodedTooLong     DefectKind = "decoded-too-long"     // Limits.Decoded
	HTMLTooLong        DefectKind = "html-too-long"        // Limits.HTMLTokens or HTMLTextMax
	ParserFailed       DefectKind = "parser-failed"        // a second parser gave up
)

// maxDefects bounds what one message can make us write down. The last one says so.
const maxDefects = 200

func (m *Message) note(kind DefectKind, part string, offset int, detail string) {
	switch n := len(m.Defects); {
	case n < maxDefects-1:
		m.Defects = append(m.Defects, Defect{Kind: kind, Part: part, Offset: offset, Detail: detail})
	case n == maxDefects-1:
		m.Defects = append(m.Defects, Defect{Kind: "more-defects", Offset: offset, Detail: "further defects are not listed"})
	case slices.Contains(limits, kind) && !m.has(kind): // what is not read never goes unsaid
		m.Defects = append(m.Defects, Defect{Kind: kind, Part: part, Offset: offset, Detail: detail})
	}
}

func (m *Message) has(kind DefectKind) bool {
	for i := range m.Defects {
		if m.Defects[i].Kind == kind {
			return true
		}
	}
	return false
}

// DefaultLimits are the limits that Limits documents.
func DefaultLimits() Limits {
	return Limits{
		Bytes:       64 << 20,
		Parts:       1000,
		Depth:       32,
		Fields:      5000,
		FieldBytes:  256 << 10,
		Decoded:     32 << 20,
		HTMLTokens:  500_000,
		HTMLTextMax: 2 << 20,
	}
}

// orDefault fills in what was left zero, so that no limit is ever off.
func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	for _, f := range [...]struct{ have, want *int }{
		{&l.Bytes, &d.Bytes}, {&l.Parts, &d.Parts}, {&l.Depth, &d.Depth}, {&l.Fields, &d.Fields},
		{&l.FieldBytes, &d.FieldBytes}, {&l.Decoded, &d.Decoded},
		{&l.HTMLTokens, &d.HTMLTokens}, {&l.HTMLTextMax, &d.HTMLTextMax},
	} {
		if *f.have <= 0 {
			*f.have = *f.want
		}
	}
	return l
}
