package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// plistBytes is how much of the property list of an .emlx is looked at. It has a few hundred bytes.
const plistBytes = 64 << 10

// readEmlx reads a message of Apple Mail: the length in bytes, the message, and
// a property list that says what the owner did with it.
func (u *unit) readEmlx(s *stream) error {
	n, text, _ := emlxLength(s.w.peek(detectBytes))
	s.w.skip(len(s.w.peek(detectBytes)) - len(text))
	start := s.w.off
	raw, size := s.w.take(min(n, u.cfg.MaxMessage), n)
	if err := s.w.failure(); err != nil && len(raw) == 0 {
		return u.readError(s, err)
	}
	if size > int64(len(raw)) {
		u.tooLarge(s, start, size)
	}
	if size < n {
		u.fail(s, start+size, fmt.Errorf("message says it has %d bytes but the file holds %d", n, size), "the file is cut off; get it again")
	}
	item := Item{Offset: start, Raw: raw, Envelope: s.env}
	list, _ := s.w.take(plistBytes, math.MaxInt64)
	item.Kept.State = emlxState(list)
	u.rejoin(s, &item)
	u.pos.Start, u.pos.Offset = start, start+size
	if err := u.hand(s, item); err != nil {
		return err
	}
	if err := s.w.failure(); err != nil {
		return u.readError(s, err)
	}
	return nil
}

// Bits of the flags in the property list.
const (
	emlxDeleted = 1 << 1
	emlxDraft   = 1 << 6
	emlxJunk    = 1 << 24
)

func emlxState(list []byte) (s State) {
	_, rest, found := bytes.Cut(list, []byte("<key>flags</key>"))
	_, rest, ok := bytes.Cut(rest[:min(len(rest), 256)], []byte("<integer>"))
	digits, _, end := bytes.Cut(rest, []byte("</integer>"))
	flags, err := strconv.ParseUint(strings.TrimSpace(string(digits)), 10, 64)
	if !found || !ok || !end || err != nil {
		return 0
	}
	for bit, state := range map[uint64]State{emlxDeleted: Deleted, emlxDraft: Draft, emlxJunk: Junk} {
		if flags&bit != 0 {
			s |= state
		}
	}
	return s
}

// rejoin puts attachments back that Apple Mail keeps beside the message:
// …/Messages/12.partial.emlx has those of its part 2 in …/Attachments/12/2/. In
// the message their parts are empty and have a field X-Apple-Content-Length.
func (u *unit) rejoin(s *stream, item *Item) {
	id, partial := strings.CutSuffix(strings.ToLower(s.name), ".partial.emlx")
	if !partial || !bytes.Contains(item.Raw, []byte("X-Apple-Content-Length:")) {
		return
	}
	missing := 0
	parts := structure(item.Raw)
	raw := item.Raw
	for i := len(parts) - 1; i >= 0; i-- { // from the end, so that offsets before it stay
		p := parts[i]
		at, _ := findField(p.header, "x-apple-content-length:")
		if at < 0 || p.multipart || len(bytes.TrimSpace(item.Raw[p.start:p.end])) > 0 {
			continue
		}
		data, err := u.beside(s, id, p, u.cfg.MaxMessage-int64(len(raw)))
		if err != nil {
			missing++
			continue
		}
		raw = slices.Concat(raw[:p.start], encodeAs(p.encoding, data), raw[p.end:])
		item.Rebuilt = true
	}
	item.Raw = raw
	if missing > 0 {
		u.fail(s, 0, fmt.Errorf("%d attachments are not in the message and not beside it", missing),
			"copy the whole mailbox, with its Attachments folders; what Apple Mail never fetched is on the server only")
	}
}

var errNotBeside = errors.New("no such attachment")

// beside reads the attachment of a part. The names come from the message's own
// number and the part's, which are digits and dots: nothing in a mail can lead elsewhere.
func (u *unit) beside(s *stream, id string, p mimePart, limit int64) ([]byte, error) {
	if s.disk == nil || strings.Trim(id, "0123456789") != "" || id == "" {
		return nil, errNotBeside
	}
	folder := filepath.Join(filepath.Dir(filepath.Dir(u.pos.File)), "Attachments", id, p.path)
	names, err := sortedNames(folder)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, foreign)
	if i := slices.Index(names, p.fileName); i > 0 {
		names[0] = names[i]
	}
	if len(names) == 0 {
		return nil, errNotBeside
	}
	name := filepath.Join(folder, names[0])
	info, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode()&fs.ModeType != 0 || info.Size()/3*4 > limit {
		return nil, errNotBeside
	}
	f, _, err := openRegular(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, info.Size()))
}

// encodeAs writes data in the encoding that the part states.
func encodeAs(encoding string, data []byte) []byte {
	var b bytes.Buffer
	switch encoding {
	case "base64":
		return append(base64Lines(data), "\r\n"...)
	case "quoted-printable":
		w := quotedprintable.NewWriter(&b)
		_, _ = w.Write(data) // a bytes.Buffer takes everything
		_ = w.Close()
		return b.Bytes()
	}
	return data
}
