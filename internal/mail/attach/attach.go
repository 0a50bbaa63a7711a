// Package attach looks into what a message carries: documents, archives, disk
// images, shortcuts, scripts, calendar entries and pictures. It says what kind
// of content each really is, which dangerous abilities it has (Trait), where it
// leads (URL) and what plain text it holds. Nothing is run and nothing fetched.
//
// Everything read here was written by somebody who may mean harm, so all work
// is paid for from one Budget per message: bytes unpacked, levels of nesting,
// members, pixels, PDF objects. What a limit cuts off is said in
// Report.Incomplete, never dropped in silence. The parsers of this package are
// bounded by construction; third-party decoders run behind a recover that turns
// a panic into such an entry.
package attach

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// Trait is a dangerous or deceptive ability of an attachment. It states what is
// there; whether that is an attack is for the rules to say.
type Trait struct {
	Kind   string // one of the Kind constants
	Detail string // in words, with what the content says of itself
	Path   string // inside containers "a.zip!b.docm"; empty for the attachment itself
	Start  int    // offsets in the content of that member; both 0: the whole
	End    int
}

// URL is an address found in an attachment, as it stands there.
type URL struct {
	URL   string
	Where string // one of the In constants
	Path  string // as Trait.Path
}

// Member is one piece of content inside a container.
type Member struct {
	Path, Name, Type string
	Size             int64  // unpacked; what the container claims where it was not unpacked
	SHA256           string // of the unpacked content, hexadecimal; "" where it was not unpacked
}

// Report is what looking into one attachment came to.
type Report struct {
	Type       string // what the content is, whatever name and media type say: "pdf", "ooxml-word", "lnk" …
	Traits     []Trait
	URLs       []URL
	Text       string // plain text of documents and tables, bounded by Limits.Text
	Members    []Member
	Encrypted  bool     // something in it cannot be read without a password
	Incomplete []string // limits met, and what could not be read and why
}

// Has tells whether the report has a trait of the kind.
func (r *Report) Has(kind string) bool {
	return slices.ContainsFunc(r.Traits, func(t Trait) bool { return t.Kind == kind })
}

// Limits of one report, against content made to fill memory.
const (
	maxTraits     = 200
	maxURLs       = 1000
	maxDetail     = 300
	maxURLLength  = 4096
	maxIncomplete = 50
)

// Inspect looks into one attachment. Name and mediaType are what the message
// claims; b is shared by all attachments of the message. It never fails: what
// it could not read is listed in Incomplete.
func Inspect(name, mediaType string, data []byte, b *Budget) *Report {
	if b == nil {
		b = NewBudget(DefaultLimits())
	}
	in := &inspection{b: b, r: &Report{}}
	in.r.Type = in.look(content{path: "", name: name, media: mediaType, data: data})
	return in.r
}

// inspection is one call of Inspect.
type inspection struct {
	b       *Budget
	r       *Report
	textCut string // what the text was first cut in
}

// content is a piece to look at: the attachment, or something inside it.
type content struct {
	path, name, media string
	data              []byte
	depth             int
}

// label names the content in sentences for people.
func (c content) label() string {
	switch {
	case c.path != "":
		return c.path
	case c.name != "":
		return c.name
	}
	return "attachment"
}

// inside makes the content of a member of c.
func (c content) inside(name string, data []byte) content {
	return content{path: c.label() + "!" + clip(name, maxDetail), name: name, data: data, depth: c.depth + 1}
}

// look finds out what the content is, records what its name tries to hide, and
// opens it.
func (in *inspection) look(c content) string {
	typ := sniff(c.data, c.name, c.media)
	in.nameTraits(c, typ)
	if size := len(c.data); size > in.b.Limits.Bytes {
		in.incomplete("%s: %d bytes, only the first %d were looked at", c.label(), size, in.b.Limits.Bytes)
		if typ != "zip" { // its directory stands at the end, and members are paid for one by one
			c.data = c.data[:in.b.Limits.Bytes]
		}
	}
	in.guard(c, func() { typ = in.open(c, typ) })
	return typ
}

// member records and opens something found inside c. Content that was already
// opened in this message is listed but not opened again, which ends cycles and
// archives that contain themselves.
func (in *inspection) member(c content, name string, data []byte) {
	m := c.inside(name, data)
	entry := Member{Path: m.path, Name: name, Size: int64(len(data))}
	in.b.scan -= int64(len(data))
	var sum [sha256.Size]byte
	if in.b.scan >= 0 {
		sum = sha256.Sum256(data)
		entry.SHA256 = hex.EncodeToString(sum[:])
	}
	switch {
	case in.b.scan < 0:
		in.incomplete("%s: members of more than %d bytes in the message, the rest was not opened", m.path, 4*in.b.Limits.Expand)
		entry.Type = sniff(data, name, "")
		in.nameTraits(m, entry.Type)
	case m.depth > in.b.Limits.Depth:
		in.incomplete("%s: nested deeper than %d levels, not opened", m.path, in.b.Limits.Depth)
		entry.Type = sniff(data, name, "")
		in.nameTraits(m, entry.Type)
	case len(data) > 0 && in.b.opened(sum):
		entry.Type = sniff(data, name, "")
		in.nameTraits(m, entry.Type)
	default:
		entry.Type = in.look(m)
	}
	in.r.Members = append(in.r.Members, entry)
}

// guard runs f and turns a panic of a decoder into an entry of Incomplete: one
// hostile attachment must not take the judging of other mail with it.
func (in *inspection) guard(c content, f func()) {
	defer func() {
		if r := recover(); r != nil {
			in.incomplete("%s: the decoder failed (%s); the rest was not read", c.label(), clip(fmt.Sprint(r), 120))
		}
	}()
	f()
}

func (in *inspection) trait(c content, kind, detail string, span ...int) {
	t := Trait{Kind: kind, Detail: printable(detail, maxDetail), Path: c.path}
	if len(span) == 2 {
		t.Start, t.End = span[0], span[1]
	}
	if slices.Contains(in.r.Traits, t) {
		return
	}
	if len(in.r.Traits) >= maxTraits {
		in.incomplete("more than %d traits, the rest is not listed", maxTraits)
		return
	}
	in.r.Traits = append(in.r.Traits, t)
}

func (in *inspection) url(c content, where, url string) {
	url = cleanURL(url)
	if url == "" {
		return
	}
	u := URL{URL: url, Where: where, Path: c.path}
	if len(in.r.URLs) >= maxURLs {
		in.incomplete("more than %d addresses, the rest is not listed", maxURLs)
		return
	}
	if slices.Contains(in.r.URLs, u) {
		return
	}
	in.r.URLs = append(in.r.URLs, u)
}

func (in *inspection) incomplete(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if len(in.r.Incomplete) < maxIncomplete && !slices.Contains(in.r.Incomplete, line) {
		in.r.Incomplete = append(in.r.Incomplete, line)
	}
}
