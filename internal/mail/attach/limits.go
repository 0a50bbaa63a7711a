package attach

import "crypto/sha256"

// Limits bound the work for one message.
type Limits struct {
	Bytes       int   // of one attachment or member that are looked at
	Depth       int   // levels of nesting
	Members     int   // members of all containers together
	Expand      int64 // bytes unpacked, all attachments together
	Ratio       int   // unpacked to packed; above it, and above a megabyte, a member is a bomb
	Images      int   // pictures searched for QR codes; negative: none
	ImagePixels int   // pixels decoded for that, all pictures together
	Text        int   // bytes of text kept per attachment
	PDFObjects  int   // objects read, all PDFs together
	Dictionary  int64 // bytes of window that a decompressor may ask for
}

// DefaultLimits suit mail: a message rarely exceeds 35 MB, and a document of
// that size unpacks to a few times as much.
func DefaultLimits() Limits {
	return Limits{
		Bytes:       32 << 20,
		Depth:       5,
		Members:     2000,
		Expand:      128 << 20,
		Ratio:       200,
		Images:      12,
		ImagePixels: 12 << 20,
		Text:        1 << 20,
		PDFObjects:  50_000,
		Dictionary:  64 << 20,
	}
}

// Budget is what is left of the Limits for one message. It is not safe for
// concurrent use: the attachments of a message are looked at one after another.
type Budget struct {
	Limits     Limits
	Pictures   *Pictures // nil, or what remembers pictures beyond the message
	members    int
	expand     int64
	scan       int64 // bytes of members that may still be looked at; members can overlap in their container
	images     int
	pixels     int
	pdfObjects int
	seen       map[[sha256.Size]byte]struct{}
}

// NewBudget returns an unspent budget. Limits that are zero take their default.
func NewBudget(l Limits) *Budget {
	d := DefaultLimits()
	pictures := l.Images
	if pictures == 0 {
		pictures = d.Images
	}
	l = Limits{
		Bytes: orDefault(l.Bytes, d.Bytes), Depth: orDefault(l.Depth, d.Depth),
		Members: orDefault(l.Members, d.Members), Expand: orDefault(l.Expand, d.Expand),
		Ratio: orDefault(l.Ratio, d.Ratio), Images: pictures,
		ImagePixels: orDefault(l.ImagePixels, d.ImagePixels), Text: orDefault(l.Text, d.Text),
		PDFObjects: orDefault(l.PDFObjects, d.PDFObjects), Dictionary: orDefault(l.Dictionary, d.Dictionary),
	}
	return &Budget{
		Limits: l, members: l.Members, expand: l.Expand, scan: 4 * l.Expand, images: max(l.Images, 0),
		pixels: l.ImagePixels, pdfObjects: l.PDFObjects,
		seen: make(map[[sha256.Size]byte]struct{}),
	}
}

func orDefault[T int | int64](v, fallback T) T {
	if v > 0 {
		return v
	}
	return fallback
}

// opened tells whether content of that hash was opened before, and marks it.
func (b *Budget) opened(sum [sha256.Size]byte) bool {
	if _, ok := b.seen[sum]; ok {
		return true
	}
	b.seen[sum] = struct{}{}
	return false
}

func (b *Budget) takeMember() bool {
	b.members--
	return b.members >= 0
}

// takeImage pays for searching a picture of n pixels.
func (b *Budget) takeImage(n int) bool {
	if b.images <= 0 || n > b.pixels {
		return false
	}
	b.images--
	b.pixels -= n
	return true
}

func (b *Budget) takeObject() bool {
	b.pdfObjects--
	return b.pdfObjects >= 0
}
