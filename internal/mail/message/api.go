// Package message parses RFC 5322 and MIME within limits, keeps the byte
// offsets of everything it finds, and says where a message is broken or where
// two parsers would read it differently. Parse never fails: whatever bytes come
// in, a Message comes out, with Defects.
package message

// Limits bound what one message may cost. What exceeds one is reported as a
// Defect, never silently dropped.
type Limits struct {
	Bytes       int // of the raw message; the rest is not parsed. Default 64 MiB
	Parts       int // MIME parts in all. Default 1,000
	Depth       int // of nesting. Default 32
	Fields      int // header fields per header. Default 5,000
	FieldBytes  int // of one header field. Default 256 KiB
	Decoded     int // bytes decoded of one part. Default 32 MiB
	HTMLTokens  int // of one HTML part. Default 500,000
	HTMLTextMax int // bytes of visible text kept of one HTML part. Default 2 MiB
}

// Message is one parsed message. It keeps raw and must not outlive changes to
// it. Contents are decoded when first asked for and kept, so one goroutine at a
// time may use it.
type Message struct {
	Raw     []byte
	Header  Header
	Root    *Part
	Parts   []*Part  // every part, depth first, multiparts and parts of attached messages too
	Defects []Defect // grows when contents are decoded: what is wrong inside a body shows only then

	lim       Limits
	bodyStart int
	plain     *string
}

// Defect is a way in which the message departs from the standards, exceeds a
// limit, or would be read differently by different parsers.
type Defect struct {
	Kind   DefectKind
	Part   string // MIME path, "header:From", or "" for the message
	Offset int    // into Raw
	Detail string
}

// DefectKind is a short stable word such as "bare-lf" or "parsers-disagree".
type DefectKind string

// Header is the fields of one header, in order.
type Header []Field

// Field is one header field.
type Field struct {
	Name       string // as written
	Value      string // unfolded, trimmed, not decoded
	Start, End int    // the whole field in Raw, line ends included
	ValueStart int    // first byte after the colon and spaces
}

// Address is one mailbox of an address list.
type Address struct {
	Name       string // display name, decoded (RFC 2047), comments where there is no name
	Addr       string // local@domain as written
	Local      string
	Domain     string // as written, may be IDN; lower case
	Start, End int    // of the field it stands in, in Raw
}

// Part is a MIME entity.
type Part struct {
	Path        string // "1", "1.2" as in IMAP; "" for the root of a multipart message
	Header      Header
	MediaType   string // lower case, e.g. "text/html"; "text/plain" where none is stated
	Params      map[string]string
	Disposition string // "inline", "attachment" or ""
	FileName    string // decoded (RFC 2231, 2047), from Content-Disposition or Content-Type
	Encoding    string // lower-case Content-Transfer-Encoding
	Charset     string // as stated, lower case
	ContentID   string // without brackets
	Start, End  int    // the encoded body in Raw
	Depth       int
	Nested      bool // belongs to an attached message
	Children    []*Part

	msg   *Message
	cache decoded
}

// HTML is what the HTML of one part shows and fetches. Offsets are into Part.Text.
type HTML struct {
	Text    string // what a reader sees, blocks separated by newlines
	Hidden  string // text a reader does not see (display:none, zero size, colour on same colour)
	Title   string
	Links   []Link
	Remote  []Remote
	Forms   []Form
	Scripts []Script
	Loose   []Loose
}

// Loose is a piece of the source that may hold a URL and that no mail program shows or follows: an attribute
// without such a use (data-url, ping, cite, alt), a comment, a tag that never ends. Nothing is
// judged by it; a hunt looks there too.
type Loose struct {
	Text       string // entities decoded
	Start, End int    // the tag or comment
}

// Link is an <a>, <area> or other element a click follows.
type Link struct {
	URL       string // as a browser would request it: entities decoded, spaces and control characters removed, resolved against <base>
	Text      string // what the reader sees
	ImageOnly bool
	Hidden    bool
	Kind      string // "a", "area", "refresh" (meta refresh) or "vml"
	// Conditional links stand in a comment that only Outlook reads.
	Conditional bool
	Start, End  int // the opening tag
}

// Remote is something a mail program fetches when it shows the message.
type Remote struct {
	URL           string
	Kind          string // "image", "css-background", "stylesheet", "font", "import", "prefetch", "iframe", "object", "media", "script", "srcset", "poster", "icon"
	Width, Height int    // as stated by attributes or style; -1 unknown
	Hidden        bool   // display:none, visibility:hidden, opacity 0, off-screen, at most 2×2
	Conditional   bool   // stands in a comment that only Outlook reads
	Start, End    int    // the tag, or the url() in a style sheet
}

// Form is a <form>.
type Form struct {
	Action     string
	Method     string
	Password   bool     // holds a password field
	Inputs     []string // names of its fields
	Start, End int
}

// Script is an element or attribute that runs code.
type Script struct {
	Kind       string // "script", "event-handler", "javascript-url"
	Code       string // at most 64 KiB
	Start, End int
}
