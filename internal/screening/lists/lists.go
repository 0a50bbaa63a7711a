// Package lists reads sanctions lists and influence registers in the forms their
// publishers give them, and finds out by itself which form a file has.
//
// Every reader streams: it holds the entries and one record, never the file. A
// file that is not what it should be in its structure — a column missing, a quote
// broken, the end cut off, bytes in another encoding — is refused as a whole, with the
// line at fault, because half a list looks like people who are not designated.
// What is wrong within one entry — a date that cannot be, a name that is
// empty or endless — is a [Problem] with its line, and the rest of the entry is kept.
//
// docs/LISTS.md names the formats, where they come from, and on what each reader
// was tried: a whole published file, excerpts of one, or its documentation.
package lists

import (
	"archive/zip"
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"portcullis.example/portcullis/internal/screening"
)

// Format is a publisher's family of files, as a user names it.
type Format string

// The formats. Auto is found out from the file.
const (
	Auto          Format = "auto"
	UK            Format = "uk"
	UN            Format = "un"
	EU            Format = "eu"
	OFAC          Format = "ofac"
	OpenSanctions Format = "opensanctions"
	FARA          Format = "fara"
	FIRS          Format = "firs"
	FITS          Format = "fits"
	CSV           Format = "csv"
)

// Formats lists them for help and errors.
func Formats() []Format { return []Format{UK, UN, EU, OFAC, OpenSanctions, FARA, FIRS, FITS, CSV} }

// Limits bound what is read. The defaults are several times the largest list.
type Limits struct {
	Bytes   int64 // of all files together, unpacked
	Entries int
	Names   int // of one entry
	Name    int // characters of one name
	Remarks int // characters of the remarks of one entry
}

// DefaultLimits are what Read uses where a limit is 0.
func DefaultLimits() Limits {
	return Limits{Bytes: 1 << 30, Entries: 2_000_000, Names: 1000, Name: 1000, Remarks: 20_000}
}

func (l Limits) filled() Limits {
	d := DefaultLimits()
	return Limits{cmp.Or(l.Bytes, d.Bytes), cmp.Or(l.Entries, d.Entries), cmp.Or(l.Names, d.Names), cmp.Or(l.Name, d.Name), cmp.Or(l.Remarks, d.Remarks)}
}

// File is one file of a list.
type File struct {
	Name    string
	Content io.Reader
}

// Options say how to read.
type Options struct {
	Format   Format   // Auto finds out
	List     string   // what to call it; the format's name by default
	Encoding string   // "" is what the file says, else UTF-8; "iso-8859-1", "windows-1252"
	Mapping  *Mapping // which column is what; nil goes by the usual headings
	Limits   Limits
}

// FileInfo says which bytes a list was read from.
type FileInfo struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"` // "uk csv", "ofac csv" …
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// List is what was read.
type List struct {
	Name      string
	Format    Format
	Published string // date, as the list states it
	SHA256    string // of the file; of several, of their digests in order
	Files     []FileInfo
	Columns   []string // as the header has them; XML has none
	Entities  []screening.Entity
	Problems  []Problem
	Lost      int // entries that could not be kept at all
}

// Problem is something within one entry that could not be used as it is.
type Problem struct {
	File  string `json:"file"`
	Line  int    `json:"line"`
	Entry string `json:"entry,omitempty"`
	Text  string `json:"text"`
	Note  bool   `json:"note,omitempty"` // true: worth knowing, nothing is missing
}

func (p Problem) String() string {
	where := p.File
	if p.Line > 0 {
		where = fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	if p.Entry != "" {
		where += ": " + p.Entry
	}
	return where + ": " + p.Text
}

// RefusedError says why a file is not taken.
type RefusedError struct {
	File string
	Line int // 0: it concerns the whole file
	Why  string
}

func (e *RefusedError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Why)
	}
	return fmt.Sprintf("%s: %s", e.File, e.Why)
}

func refuse(line int, format string, args ...any) error {
	return &RefusedError{Line: line, Why: fmt.Sprintf(format, args...)}
}

// Read reads the files of one list. A wrong file is refused with a [RefusedError].
func Read(ctx context.Context, files []File, o Options) (*List, error) {
	if o.Format == "" {
		o.Format = Auto
	}
	if o.Format != Auto && !slices.Contains(Formats(), o.Format) {
		return nil, fmt.Errorf("format %q: want one of %v", o.Format, Formats())
	}
	b := newBuilder(o)
	l := &List{Format: o.Format}
	for _, f := range files {
		if err := b.file(ctx, l, f); err != nil {
			var refused *RefusedError
			if errors.As(err, &refused) && refused.File == "" {
				refused.File = f.Name
			}
			return nil, err
		}
	}
	if len(l.Files) == 0 {
		return nil, errors.New("no file to read")
	}
	b.finish(l)
	if len(l.Entities) == 0 {
		return nil, &RefusedError{File: files[0].Name, Why: "it has no entries: the file is empty or was cut off"}
	}
	if all := len(l.Entities) + l.Lost; l.Lost >= manyLost && l.Lost*10 > all {
		return nil, &RefusedError{File: files[0].Name, Why: fmt.Sprintf("%d of %d entries have no name or no number of their own (%s): the publisher changed the file, or a column is not what it is taken for", l.Lost, all, l.Problems[0])}
	}
	return l, nil
}

// manyLost is from how many entries on that could not be kept a tenth is too many.
const manyLost = 5

// file reads one file, unpacking it if it is a zip archive.
func (b *builder) file(ctx context.Context, l *List, f File) error {
	digest := sha256.New()
	limited := &limitedReader{r: f.Content, left: b.limits.Bytes - b.read, ctx: ctx}
	in := bufio.NewReaderSize(io.TeeReader(limited, digest), headSize)
	b.fileName = filepath.Base(f.Name)
	var kind kind
	var err error
	if head, _ := in.Peek(4); bytes.Equal(head, []byte("PK\x03\x04")) {
		kind, err = b.archive(ctx, in)
	} else {
		kind, err = b.content(in)
	}
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, in); err != nil { // to the end, for the digest
		return err
	}
	b.read += limited.read
	l.Files = append(l.Files, FileInfo{Name: filepath.Base(f.Name), Kind: kind.name, Bytes: limited.read, SHA256: hex.EncodeToString(digest.Sum(nil))})
	if l.Format == Auto {
		l.Format = kind.format
	}
	return nil
}

// maxArchive bounds a packed list, which is held whole.
const maxArchive = 256 << 20

// archive reads the list files within a zip archive.
func (b *builder) archive(ctx context.Context, in io.Reader) (kind, error) {
	raw, err := io.ReadAll(io.LimitReader(in, maxArchive+1))
	if err != nil {
		return kind{}, err
	}
	if len(raw) > maxArchive {
		return kind{}, refuse(0, "the zip archive is larger than %d MB; unpack it", maxArchive>>20)
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return kind{}, refuse(0, "the zip archive cannot be read (%v): it was cut off or damaged", err)
	}
	if slices.ContainsFunc(z.File, func(f *zip.File) bool { return strings.HasPrefix(f.Name, "xl/") }) {
		return kind{}, refuse(0, "it is a spreadsheet; open it, save it as CSV in UTF-8, and give that")
	}
	var found kind
	for _, member := range z.File {
		switch strings.ToLower(filepath.Ext(member.Name)) {
		case ".csv", ".xml", ".json", ".txt", ".jsonl", ".ndjson":
		default:
			continue
		}
		if found, err = b.member(ctx, member); err != nil {
			return kind{}, err
		}
	}
	if found.name == "" {
		return kind{}, refuse(0, "the zip archive holds no .csv, .xml or .json file")
	}
	return found, nil
}

func (b *builder) member(ctx context.Context, member *zip.File) (kind, error) {
	r, err := member.Open()
	if err != nil {
		return kind{}, refuse(0, "%s in the archive: %v", member.Name, err)
	}
	defer func() { _ = r.Close() }()
	limited := &limitedReader{r: r, left: b.limits.Bytes - b.read, ctx: ctx}
	defer func() { b.read += limited.read }()
	outer := b.fileName
	b.fileName = filepath.Base(member.Name)
	defer func() { b.fileName = outer }()
	k, err := b.content(bufio.NewReaderSize(limited, headSize))
	var refused *RefusedError
	if errors.As(err, &refused) {
		refused.File = outer + "/" + b.fileName
	}
	return k, err
}

// content finds out what the bytes are and reads them.
func (b *builder) content(in *bufio.Reader) (kind, error) {
	text, err := decoded(in, b.o.Encoding)
	if err != nil {
		return kind{}, err
	}
	if text != in {
		dropDeclaration(text)
	}
	head, err := text.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return kind{}, err
	}
	k, err := detect(head, b.o, b.fileName)
	if err != nil {
		return kind{}, err
	}
	return k, k.read(b, text)
}

// dropDeclaration passes over <?xml … ?>: once the text was decoded, the encoding that
// stands there is no longer its own.
func dropDeclaration(text *bufio.Reader) {
	head, _ := text.Peek(200)
	if !bytes.HasPrefix(head, []byte("<?xml")) {
		return
	}
	if end := bytes.Index(head, []byte("?>")); end > 0 {
		_, _ = text.Discard(end + 2)
	}
}

// limitedReader stops at a limit and when the context ends, and says so.
type limitedReader struct {
	r          io.Reader
	left, read int64
	ctx        context.Context // of the one call it serves
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	if l.left <= 0 {
		return 0, refuse(0, "it is larger than the limit for a list")
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	l.read += int64(n)
	return n, err
}
