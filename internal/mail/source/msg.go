package source

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"

	"github.com/richardlehane/mscfb"
)

// Names within a compound file that holds a message (MS-OXMSG §2.2).
const (
	propertiesStream    = "__properties_version1.0"
	substreamPrefix     = "__substg1.0_"
	recipientPrefix     = "__recip_version1.0_"
	attachmentPrefix    = "__attach_version1.0_"
	headerBytesMessage  = 32 // MS-OXMSG §2.4.1.1
	headerBytesEmbedded = 24 // §2.4.1.2
	headerBytesSub      = 8  // §2.4.1.3
)

// errNoMessage says that a compound file is something else: a document, an installer.
var errNoMessage = errors.New("not a message but another kind of Office file")

// storage is a folder within a compound file.
type storage struct {
	streams map[string]*mscfb.File
	folders map[string]*storage
}

// compound is an opened compound file (MS-CFB), with a bound on what is read
// from it: its streams may overlap, so that the sum of their sizes is not bounded by its own.
type compound struct {
	root   *storage
	budget int64
}

// openCompound builds the tree of storages. The library reads files that others
// made to break readers; a panic in it ends here as an error.
func openCompound(at io.ReaderAt, budget int64) (c *compound, err error) {
	defer func() {
		if p := recover(); p != nil {
			c, err = nil, fmt.Errorf("compound file: %v", p)
		}
	}()
	doc, err := mscfb.New(at)
	if err != nil {
		return nil, fmt.Errorf("compound file: %w", err)
	}
	c = &compound{root: newStorage(), budget: budget}
	for _, f := range doc.File[1:] {
		if len(f.Path) > 4*maxEmbedded {
			continue
		}
		at := c.root
		for _, name := range f.Path {
			at = at.folder(name)
		}
		if f.FileInfo().IsDir() {
			at.folder(f.Name)
		} else if at.streams[f.Name] == nil {
			at.streams[f.Name] = f
		}
	}
	return c, nil
}

func newStorage() *storage {
	return &storage{streams: map[string]*mscfb.File{}, folders: map[string]*storage{}}
}

func (s *storage) folder(name string) *storage {
	if s.folders[name] == nil {
		s.folders[name] = newStorage()
	}
	return s.folders[name]
}

// sub lists the folders whose name begins with prefix, in order.
func (s *storage) sub(prefix string, limit int) []*storage {
	var names []string
	for name := range s.folders {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	list := make([]*storage, 0, min(len(names), limit))
	for _, name := range names[:min(len(names), limit)] {
		list = append(list, s.folders[name])
	}
	return list
}

// read returns the content of a stream, as far as it can be read.
func (c *compound) read(f *mscfb.File) (b []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("compound file: stream %q: %v", f.Name, p)
		}
	}()
	if f.Size > c.budget {
		return nil, fmt.Errorf("compound file: stream %q: its %d bytes are more than the file can hold", f.Name, f.Size)
	}
	c.budget -= f.Size
	b = make([]byte, f.Size)
	if _, err := f.Seek(0, io.SeekStart); err != nil && len(b) > 0 {
		return nil, fmt.Errorf("compound file: stream %q: %w", f.Name, err)
	}
	for n := 0; n < len(b); {
		// In pieces: the library's time grows with the square of what it is asked for at once.
		got, err := f.Read(b[n:min(len(b), n+64<<10)])
		n += got
		if err != nil && !(errors.Is(err, io.EOF) && n == len(b)) {
			return b[:n], fmt.Errorf("compound file: stream %q: %w", f.Name, err)
		}
		if got == 0 {
			return b[:n], fmt.Errorf("compound file: stream %q ends early", f.Name)
		}
	}
	return b, nil
}

// compoundObject is a message, a recipient or an attachment.
type compoundObject struct {
	c      *compound
	at     *storage
	values map[uint32][8]byte // by tag: identifier, type
	failed error              // while it was opened
}

// open reads the fixed properties (MS-OXMSG §2.4): entries of 16 bytes behind a header.
func (c *compound) open(at *storage, header int) *compoundObject {
	o := &compoundObject{c: c, at: at, values: map[uint32][8]byte{}}
	f := at.streams[propertiesStream]
	if f == nil {
		return o
	}
	b, err := c.read(f)
	o.failed = err
	for b = b[min(header, len(b)):]; len(b) >= 16; b = b[16:] {
		o.values[binary.LittleEndian.Uint32(b)] = [8]byte(b[8:16])
	}
	return o
}

func (o *compoundObject) fixed(tag uint32) ([8]byte, bool) {
	v, ok := o.values[tag]
	return v, ok
}

// stream returns a property that lies in a stream of its own.
func (o *compoundObject) stream(tag uint32) ([]byte, error) {
	f := o.at.streams[substreamName(tag)]
	if f == nil {
		return nil, nil
	}
	return o.c.read(f)
}

func substreamName(tag uint32) string { return fmt.Sprintf("%s%08X", substreamPrefix, tag) }

func (o *compoundObject) recipients() (list []bag, err error) {
	for _, at := range o.at.sub(recipientPrefix, maxRecipients) {
		r := o.c.open(at, headerBytesSub)
		list, err = append(list, r), errors.Join(err, r.failed)
	}
	return list, err
}

func (o *compoundObject) attached(fn func(mapiAttached)) (err error) {
	for _, at := range o.at.sub(attachmentPrefix, maxAttachments) {
		a := o.c.open(at, headerBytesSub)
		err = errors.Join(err, a.failed)
		fn(a)
	}
	return err
}

func (o *compoundObject) message() (mapiObject, error) {
	inner := o.at.folders[substreamName(propAttachData<<16|typeObject)]
	if inner == nil || inner.streams[propertiesStream] == nil {
		return nil, nil
	}
	m := o.c.open(inner, headerBytesEmbedded)
	return m, m.failed
}

// object returns the content of an embedded object: the stream that holds
// its native data (MS-OLEDS §2.3.6), else its largest stream.
func (o *compoundObject) object() ([]byte, error) {
	inner := o.at.folders[substreamName(propAttachData<<16|typeObject)]
	if inner == nil {
		return nil, nil
	}
	var best string
	for name, f := range inner.streams {
		switch {
		case name == "CONTENTS" || name == "Package" || name == "Ole10Native":
			return o.c.read(f)
		case best == "" || f.Size > inner.streams[best].Size || f.Size == inner.streams[best].Size && name < best:
			best = name
		}
	}
	if best == "" {
		return nil, nil
	}
	return o.c.read(inner.streams[best])
}

// readCompoundMessage reads the message at a storage. With an error comes what could be read.
func readCompoundMessage(at io.ReaderAt, budget int64) (*mapiMessage, error) {
	c, err := openCompound(at, budget)
	if err != nil {
		return nil, err
	}
	if c.root.streams[propertiesStream] == nil {
		return nil, errNoMessage
	}
	root := c.open(c.root, headerBytesMessage)
	failed := root.failed
	m := readMAPI(root, 0, &failed)
	return m, failed
}
