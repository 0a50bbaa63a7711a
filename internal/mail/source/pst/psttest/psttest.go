// Package psttest writes small data files of Outlook for tests and examples: in
// each form and each encoding of MS-PST, with blocks, trees and tables as large
// or as finely divided as a test wants. It shares the two encodings with the
// reader and nothing else, and readpst can read what it writes. Space is not
// managed: there are no allocation maps, so Outlook itself would want to repair such a file.
package psttest

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"time"

	"portcullis.example/portcullis/internal/mail/source/pst/internal/scramble"
)

// Form is one of the forms of the file.
type Form int

// The forms.
const (
	Unicode Form = iota
	ANSI
	Large // with pages of 4 KiB
)

// Mailbox is what a file holds.
type Mailbox struct {
	Form    Form
	Crypt   byte   // 0 none, 1 permuted, 2 cyclic; others are stated and not done
	Name    string // what the file calls itself
	Folders []Folder
	Fanout  int // numbers in one block of numbers; 0: as many as fit
	Deflate bool
	Header  string // name of a header field that has a property of its own, 0x8000; "" none
}

// Folder is a folder.
type Folder struct {
	Name     string
	Sent     bool // the store says that what is sent goes here
	Deleted  bool
	Messages []Message
	Folders  []Folder
}

// Message is a message.
type Message struct {
	Class, Subject, Headers string
	FromName, From          string
	MessageID               string
	Plain                   string
	HTML, RTF               []byte // RTF compressed
	When                    time.Time
	Receiver                string
	Recipients              []Recipient
	Attachments             []Attachment
	More                    map[uint32][]byte // further properties by tag
}

// Recipient is a recipient. Kind is 1 to, 2 cc, 3 bcc.
type Recipient struct {
	Name, Address string
	Kind          uint32
}

// Attachment is an attachment: data, a message, or an OLE object.
type Attachment struct {
	Name, Type, ContentID string
	Data                  []byte
	Message               *Message
	Object                []byte
}

// widths are what differs between the forms.
type widths struct {
	word, page, entries, trailer, align, version int
}

var forms = map[Form]widths{
	Unicode: {8, 512, 488, 16, 64, 23},
	ANSI:    {4, 512, 496, 12, 64, 15},
	Large:   {8, 4096, 4056, 24, 512, 36},
}

// writer puts a file together from its front to its end.
type writer struct {
	box    Mailbox
	w      widths
	out    []byte
	next   uint64 // block
	nodes  []nodeEntry
	blocks []blockEntry
	last   uint32 // number of a node below another
	count  uint32 // messages
	dirs   uint32 // folders
	sent   uint32
	bin    uint32
}

type nodeEntry struct {
	number, parent uint32
	data, subs     uint64
}

type blockEntry struct {
	number    uint64
	at        int
	size, raw int
}

// Numbers of nodes that every file has (MS-PST §2.4.1).
const (
	nodeStore   = 0x21
	nodeNames   = 0x61
	nodeRoot    = 0x122
	nodeSubtree = 0x8022
)

// Write makes the file. The same mailbox gives the same bytes.
func Write(box Mailbox) []byte {
	w := &writer{box: box, w: forms[box.Form], next: 4, dirs: 0x402, count: 0x10000}
	w.out = make([]byte, 0x4400)
	w.folderNodes(nodeSubtree, "Top of Outlook data file", nodeRoot, box.Folders, nil)
	w.folderNodes(nodeRoot, "", nodeRoot, nil, []uint32{nodeSubtree})
	w.addNode(nodeStore, 0, w.store())
	w.addNode(nodeNames, 0, w.names())
	slices.SortFunc(w.nodes, func(a, b nodeEntry) int { return cmp.Compare(a.number, b.number) })
	slices.SortFunc(w.blocks, func(a, b blockEntry) int { return cmp.Compare(a.number, b.number) })
	nbt := w.tree(0x81, w.nodePages())
	bbt := w.tree(0x80, w.blockPages())
	w.header(nbt, bbt)
	return w.out
}

// put appends a number of the file's width.
func (w *writer) put(b []byte, v uint64) []byte {
	if w.w.word == 8 {
		return binary.LittleEndian.AppendUint64(b, v)
	}
	return binary.LittleEndian.AppendUint32(b, uint32(v))
}

func (w *writer) maxData() int {
	if w.box.Form == Large {
		return 65536 - 24
	}
	return 8192 - w.w.trailer
}

// block writes a block and returns its number.
func (w *writer) block(data []byte, internal bool) uint64 {
	number := w.next
	w.next += 4
	data = bytes.Clone(data)
	raw := len(data)
	switch {
	case internal:
		number |= 2
	default:
		if w.box.Deflate && w.box.Form == Large && raw > 64 {
			data = deflate(data)
		}
		switch w.box.Crypt {
		case 1:
			scramble.Permute(data)
		case 2:
			scramble.Cycle(data, uint32(number))
		}
	}
	for len(w.out)%w.w.align != 0 {
		w.out = append(w.out, 0)
	}
	at := len(w.out)
	w.blocks = append(w.blocks, blockEntry{number, at, len(data), raw})
	w.out = append(w.out, data...)
	for (len(w.out)+w.w.trailer)%w.w.align != 0 {
		w.out = append(w.out, 0)
	}
	le := binary.LittleEndian
	w.out = le.AppendUint16(w.out, uint16(len(data)))
	w.out = le.AppendUint16(w.out, signature(at, number))
	if w.w.word == 4 {
		w.out = le.AppendUint32(w.out, uint32(number))
		w.out = le.AppendUint32(w.out, checksum(data))
		return number
	}
	w.out = le.AppendUint32(w.out, checksum(data))
	w.out = le.AppendUint64(w.out, number)
	if w.box.Form == Large {
		w.out = le.AppendUint16(w.out, 0)
		w.out = le.AppendUint16(w.out, uint16(raw))
		w.out = le.AppendUint32(w.out, 0)
	}
	return number
}

func deflate(data []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write(data) // a bytes.Buffer takes everything
	_ = z.Close()
	if b.Len() >= len(data) {
		return data
	}
	return b.Bytes()
}

// signature is that of MS-PST §5.5, checksum that of §5.3.
func signature(at int, number uint64) uint16 {
	v := uint32(at) ^ uint32(number)
	return uint16(v>>16) ^ uint16(v)
}

func checksum(b []byte) uint32 { return ^crc32.Update(0xffffffff, crc32.IEEETable, b) }

// data writes pieces of a node, each in a block, and the trees above them.
func (w *writer) data(pieces [][]byte) uint64 {
	if len(pieces) == 0 {
		return 0
	}
	var numbers []uint64
	total := 0
	for _, p := range pieces {
		numbers = append(numbers, w.block(p, false))
		total += len(p)
	}
	most := w.fanout(len(numbers))
	for level := byte(1); len(numbers) > 1; level++ {
		var above []uint64
		for group := range slices.Chunk(numbers, most) {
			b := binary.LittleEndian.AppendUint16([]byte{1, level}, uint16(len(group)))
			b = binary.LittleEndian.AppendUint32(b, uint32(total))
			for _, n := range group {
				b = w.put(b, n)
			}
			above = append(above, w.block(b, true))
		}
		numbers = above
	}
	return numbers[0]
}

// fanout is how many numbers of blocks one block holds. The format has two levels.
func (w *writer) fanout(n int) int {
	most := (w.maxData() - 8) / w.w.word
	if w.box.Fanout == 0 {
		return most
	}
	fanout := w.box.Fanout
	for fanout*fanout < n {
		fanout++
	}
	return min(most, fanout)
}

// split divides the data of a node into what one block holds.
func (w *writer) split(data []byte) [][]byte {
	return slices.Collect(slices.Chunk(data, w.maxData()))
}

// subtree writes the tree of nodes below another one (MS-PST §2.2.2.8.3.3).
func (w *writer) subtree(list []nodeEntry) uint64 {
	if len(list) == 0 {
		return 0
	}
	slices.SortFunc(list, func(a, b nodeEntry) int { return cmp.Compare(a.number, b.number) })
	most := (w.maxData() - 8) / (3 * w.w.word)
	if w.box.Fanout > 0 {
		most = min(most, w.box.Fanout)
	}
	head := func(level byte, n int) []byte {
		b := binary.LittleEndian.AppendUint16([]byte{2, level}, uint16(n))
		if w.w.word == 8 {
			b = append(b, 0, 0, 0, 0)
		}
		return b
	}
	var leaves []uint64
	var firsts []uint32
	for group := range slices.Chunk(list, most) {
		b := head(0, len(group))
		for _, n := range group {
			b = w.put(w.put(w.put(b, uint64(n.number)), n.data), n.subs)
		}
		leaves, firsts = append(leaves, w.block(b, true)), append(firsts, group[0].number)
	}
	if len(leaves) == 1 {
		return leaves[0]
	}
	b := head(1, len(leaves))
	for i, n := range leaves {
		b = w.put(w.put(b, uint64(firsts[i])), n)
	}
	return w.block(b, true)
}

// made is a node's data and what lies below it, written.
type made struct{ data, subs uint64 }

func (w *writer) addNode(number, parent uint32, m made) {
	w.nodes = append(w.nodes, nodeEntry{number, parent, m.data, m.subs})
}

func (w *writer) nodePages() (list [][]byte) {
	for _, n := range w.nodes {
		b := w.put(w.put(w.put(nil, uint64(n.number)), n.data), n.subs)
		list = append(list, w.put(b, uint64(n.parent)))
	}
	return list
}

func (w *writer) blockPages() (list [][]byte) {
	for _, x := range w.blocks {
		b := binary.LittleEndian.AppendUint16(w.put(w.put(nil, x.number), uint64(x.at)), uint16(x.size))
		if w.box.Form == Large {
			b = binary.LittleEndian.AppendUint16(b, uint16(x.raw))
		}
		b = binary.LittleEndian.AppendUint16(b, 2) // references
		for len(b)%w.w.word != 0 {
			b = append(b, 0)
		}
		list = append(list, b)
	}
	return list
}

// pageRef is where a page lies, and its number.
type pageRef struct {
	number uint64
	at     int
}

// tree writes the pages of a tree and returns its root.
func (w *writer) tree(kind byte, entries [][]byte) (root pageRef) {
	for level := byte(0); ; level++ {
		most := w.w.entries / len(entries[0])
		if w.box.Fanout > 0 {
			most = min(most, max(w.box.Fanout, 2))
		}
		var above [][]byte
		for group := range slices.Chunk(entries, most) {
			root = w.page(kind, level, group)
			b := append([]byte(nil), group[0][:w.w.word]...)
			above = append(above, w.put(w.put(b, root.number), uint64(root.at)))
		}
		if len(above) == 1 {
			return root
		}
		entries = above
	}
}

func (w *writer) page(kind, level byte, group [][]byte) pageRef {
	number := w.next
	w.next += 4
	for len(w.out)%w.w.page != 0 {
		w.out = append(w.out, 0)
	}
	at, size := len(w.out), len(group[0])
	b := bytes.Join(group, nil)
	b = append(b, make([]byte, w.w.entries-len(b))...)
	le := binary.LittleEndian
	if w.box.Form == Large {
		b = le.AppendUint16(le.AppendUint16(b, uint16(len(group))), uint16(w.w.entries/size))
		b = append(b, byte(size), level)
	} else {
		b = append(b, byte(len(group)), byte(w.w.entries/size), byte(size), level)
	}
	b = append(b, make([]byte, w.w.page-w.w.trailer-len(b))...)
	sum := checksum(b)
	b = le.AppendUint16(append(b, kind, kind), signature(at, number))
	if w.w.word == 4 {
		b = le.AppendUint32(le.AppendUint32(b, uint32(number)), sum)
	} else {
		b = le.AppendUint64(le.AppendUint32(b, sum), number)
	}
	b = append(b, make([]byte, w.w.page-len(b))...)
	w.out = append(w.out, b...)
	return pageRef{number, at}
}

// header writes the header (MS-PST §2.2.2.6).
func (w *writer) header(nbt, bbt pageRef) {
	h, le := w.out[:564], binary.LittleEndian
	copy(h, "!BDN")
	copy(h[8:], "SM")
	if w.box.Form == Large {
		copy(h[8:], "SO")
	}
	le.PutUint16(h[10:], uint16(w.w.version))
	le.PutUint16(h[12:], 19)
	h[14], h[15] = 1, 1
	if w.w.word == 8 {
		le.PutUint64(h[184:], uint64(len(w.out)))
		le.PutUint64(h[216:], nbt.number)
		le.PutUint64(h[224:], uint64(nbt.at))
		le.PutUint64(h[232:], bbt.number)
		le.PutUint64(h[240:], uint64(bbt.at))
		h[512], h[513] = 0x80, w.box.Crypt
		le.PutUint32(h[524:], checksum(h[8:8+516]))
	} else {
		le.PutUint32(h[168:], uint32(len(w.out)))
		le.PutUint32(h[184:], uint32(nbt.number))
		le.PutUint32(h[188:], uint32(nbt.at))
		le.PutUint32(h[192:], uint32(bbt.number))
		le.PutUint32(h[196:], uint32(bbt.at))
		h[460], h[461] = 0x80, w.box.Crypt
	}
	le.PutUint32(h[4:], checksum(h[8:8+471]))
}
