package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"
	"strings"
)

// unit is one file on disk, or standard input, while it is read.
type unit struct {
	*walker
	place     place
	inMaildir bool
	pos       Position // of this file; Items counts as we go
	before    Position // behind the last message handed on
	stored    Position // from an earlier run, zero if none holds
	dropUpTo  int64    // items before this one were handed on by an earlier run
	failed    bool     // something was reported
	broken    int      // how many streams ended early
	expand    meter    // over all layers
	src       *counted
}

// stream is one run of bytes within a unit: the file itself, or what a layer of
// packing held.
type stream struct {
	label     string // for Item.Source
	name      string // of file or member, without the extensions of the layers taken off
	folder    string // Item.Mailbox of a message file in it; "" at the top
	owner     string // Item.Mailbox, where the file itself says whose mail it is
	w         *window
	depth     int      // layers around it
	disk      *os.File // the file itself, when nothing is around it
	inMaildir bool
	quiet     bool // by its name no mail; that it is none is no Problem
	env       Envelope
	meter     *meter
}

func (u *unit) readFile(f *os.File) error {
	src := &counted{w: u.walker, src: f}
	s := u.top(src)
	s.disk = f
	s.w = newWindow(src, u.pos.Size)
	if u.inMaildir {
		s.env.Time = u.pos.ModTime
	}
	u.pos.Head = fingerprint(s.w.peek(int(min(headBytes, u.pos.Size))))
	u.before = u.pos
	err := u.read(s)
	src.reach(u.pos.Size) // also what was not worth reading
	if err == nil && !u.failed {
		u.done()
	}
	return err
}

func (u *unit) readStream(r io.Reader) error {
	src := &counted{w: u.walker, src: r}
	s := u.top(src)
	s.label, s.name = "-", ""
	s.w = newWindow(src, -1)
	return u.read(s)
}

func (u *unit) top(src *counted) *stream {
	u.src = src
	u.expand = meter{maxOut: u.cfg.MaxExpand}
	folder, name := path.Split(u.place.rel)
	if u.place.rel == "" {
		name = argName(u.place.arg)
	}
	folder = strings.TrimSuffix(folder, "/")
	if u.inMaildir {
		folder = strings.TrimSuffix(path.Dir(folder), ".")
	}
	return &stream{
		label: u.place.label(), name: name, folder: folder, meter: &u.expand,
		quiet: foreign(name), inMaildir: u.inMaildir && !foreign(name),
	}
}

func (u *unit) done() {
	u.pos.Done = true
	if u.cfg.Finished != nil {
		u.cfg.Finished(u.pos)
	}
}

// fail reports that something of this file was not read. The file is then not
// finished: a later run tries again and reports again.
func (u *unit) fail(s *stream, offset int64, err error, remedy string) {
	u.failed = true
	u.report(s.label, offset, err, remedy)
}

// readError reports the failure that ended s, with what is known to help. It
// returns the error of a cancelled context, which is nobody's fault.
func (u *unit) readError(s *stream, err error) error {
	if ctxErr := u.stopped(); ctxErr != nil {
		return ctxErr
	}
	u.broken++
	u.fail(s, s.w.off+int64(len(s.w.ahead())), err, remedyFor(err))
	return nil
}

func remedyFor(err error) string {
	var over *expandError
	switch {
	case errors.As(err, &over):
		return "this looks like an archive bomb; if it is not, unpack it yourself and scan the result"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the file is cut off; get it again, what came before the cut was read"
	case errors.Is(err, os.ErrPermission):
		return "check the file's permissions"
	}
	return "the data is damaged here; get the file again, what came before was read"
}

// read finds out what s is and reads it. Like all that it calls it returns an
// error only where Walk has to stop.
func (u *unit) read(s *stream) error {
	if s.depth == 0 {
		if s.disk == nil || u.stored.File == "" || !u.stored.same(u.pos.Size, u.pos.ModTime) {
			u.dropUpTo = 0
		} else {
			u.dropUpTo = u.stored.Items
		}
	}
	head := s.w.peek(detectBytes)
	if err := s.w.failure(); err != nil && len(head) == 0 {
		return u.readError(s, err)
	}
	k, remedy := detect(head, s.name, s.inMaildir)
	if k == kindUnknown && s.w.failure() != nil && len(head) < detectBytes && beginsLikeHeader(head) {
		k = kindMessage // the rest of the header is lost
	}
	switch k {
	case kindUnknown, kindRefused, kindEmpty:
		return u.notMail(s, k, remedy)
	case kindMbox:
		return u.readMbox(s)
	case kindMessage:
		return u.readMessage(s)
	case kindEmlx:
		return u.readEmlx(s)
	case kindOLE:
		return u.readMSG(s)
	case kindPST:
		return u.readPST(s)
	case kindGzip, kindZstd, kindBzip2, kindZip, kindTar:
		return u.unpack(s, k)
	}
	return nil
}

func (u *unit) notMail(s *stream, k kind, remedy string) error {
	switch err := s.w.failure(); {
	case err != nil && (k == kindEmpty || k == kindUnknown && !s.quiet):
		return u.readError(s, err) // what it would have been is lost
	case k == kindEmpty || s.quiet:
		if u.cfg.Ignored != nil {
			u.cfg.Ignored(s.label)
		}
	case k == kindRefused:
		u.fail(s, 0, errors.New("format is not read"), remedy)
	default:
		u.fail(s, 0, errors.New("not mail: no header fields at its beginning"), "remove it from the folder, or export it as .eml or mbox")
	}
	return nil
}

// dropping tells whether the next item was handed on by an earlier run.
func (u *unit) dropping() bool { return u.pos.Items < u.dropUpTo }

// hand gives an item to the caller, and what is attached to it behind it. Only
// the last of them moves the position on: a run that ends among them begins with
// the first again, which a store knows by then.
func (u *unit) hand(s *stream, item Item) error {
	before := u.before
	u.pos.Items++
	u.before = u.pos
	if u.pos.Items <= u.dropUpTo {
		return u.stopped()
	}
	item.Source, item.Arg = s.label, u.place.arg
	u.keep(s, item.Mailbox, &item)
	item.Mailbox = u.mailbox(s, item.Mailbox)
	if u.cfg.Journal {
		if inner, envelope, ok := openJournal(item.Raw); ok {
			envelope.Time = item.Envelope.Time
			item.Raw, item.Envelope, item.Journal = inner, envelope, true
		}
	}
	nested := u.nested(s, item)
	for i, item := range append([]Item{item}, nested...) {
		if item.Position = before; i == len(nested) {
			item.Position = u.pos
		}
		if err := u.stopped(); err != nil {
			return err
		}
		if err := u.emit(item); err != nil {
			return err
		}
	}
	return nil
}

// mailbox puts the folder of s and the name of an mbox in it together. What
// lies directly in the argument is named after it.
func (u *unit) mailbox(s *stream, name string) string {
	if s.owner != "" {
		return valid(s.owner)
	}
	box := path.Join(s.folder, name)
	if box == "" && s.label != "-" && (u.place.rel != "" || s.depth > 0) {
		box = stem(argName(u.place.arg))
	}
	return valid(box)
}

// stem takes off the extensions that say how something is packed.
func stem(name string) string {
	for {
		ext := path.Ext(name)
		switch strings.ToLower(ext) {
		case ".gz", ".zst", ".bz2", ".zip", ".tar", ".tgz", ".tbz2", ".mbox", ".mbx", ".eml", ".pst", ".ost":
			if ext == name {
				return name
			}
			name = strings.TrimSuffix(name, ext)
		default:
			return name
		}
	}
}

func (u *unit) readMbox(s *stream) error {
	m, err := u.openMbox(s)
	if err != nil {
		u.fail(s, 0, err, "check the file; it could not be read at the place an earlier run stopped at")
		return nil
	}
	for {
		keep := !u.dropping()
		e, ok := m.next(keep)
		if !ok {
			break
		}
		u.pos.Start, u.pos.Offset, u.pos.Tail = e.start, e.end, e.tail
		item := Item{Offset: e.start, Raw: e.raw, Envelope: s.env, Mailbox: mboxName(s.name)}
		if keep {
			item.Envelope.Sender, item.Envelope.Time, _ = parseFrom(e.from)
		}
		if e.truncated {
			u.tooLarge(s, e.start, e.end-e.start)
		}
		if err := u.hand(s, item); err != nil {
			return err
		}
	}
	if err := s.w.failure(); err != nil {
		return u.readError(s, err)
	}
	return nil
}

// mboxName is the file's name without extension; in the layout of Thunderbird
// and Apple Mail ("Name.mbox/mbox") the folder says it already.
func mboxName(name string) string {
	if isMessageName(name) { // one message, saved with its From_ line
		return ""
	}
	name = stem(name)
	if name == "mbox" {
		return ""
	}
	return name
}

// openMbox goes to where an earlier run stopped, if the file allows it.
func (u *unit) openMbox(s *stream) (*mboxReader, error) {
	head := probeHead(s.w, u.cfg.MaxMessage)
	from, ok := int64(0), false
	if s.disk != nil && u.stored.File != "" {
		from, ok = u.stored.mboxOffset(s.disk, u.pos.Size)
	}
	m := newMboxReader(s.w, head, u.cfg.MaxMessage)
	if s.disk == nil {
		return m, nil
	}
	u.dropUpTo = 0
	if !ok {
		return m, nil
	}
	u.pos.Start, u.pos.Offset, u.pos.Tail, u.pos.Items = u.stored.Start, u.stored.Offset, u.stored.Tail, u.stored.Items
	if from == u.stored.Start {
		u.pos.Items--
	}
	u.before = u.pos
	if _, err := s.disk.Seek(from, io.SeekStart); err != nil {
		return nil, fmt.Errorf("go on at byte %d: %w", from, err)
	}
	u.src.at = from
	u.src.reach(from)
	s.w.restart(from)
	return m, nil
}

func (u *unit) tooLarge(s *stream, offset, size int64) {
	u.fail(s, offset, fmt.Errorf("message of %d bytes is larger than the limit of %d: only its beginning was read", size, u.cfg.MaxMessage),
		"split or export it in smaller pieces; messages are read up to 64 MiB")
}

func (u *unit) readMessage(s *stream) error {
	text := s.w.peek(detectBytes)
	body := skipBlank(trimBOM(text))
	if line, rest, _ := bytes.Cut(body, []byte("\n")); bytes.HasPrefix(line, fromLine) {
		s.env.Sender, _, _ = parseFrom(bytes.TrimSpace(line))
		body = rest
	}
	if len(body) > 0 {
		s.w.skip(len(text) - len(body))
	}
	return u.handWhole(s, math.MaxInt64)
}

// handWhole hands on the next n bytes of s, or all that is left, as one message.
func (u *unit) handWhole(s *stream, n int64) error {
	start := s.w.off
	raw, size := s.w.take(min(n, u.cfg.MaxMessage), n)
	if err := s.w.failure(); err != nil && len(raw) == 0 {
		return u.readError(s, err)
	}
	if size > int64(len(raw)) {
		u.tooLarge(s, start, size)
	}
	u.pos.Start, u.pos.Offset = start, start+size
	if err := u.hand(s, Item{Offset: start, Raw: raw, Envelope: s.env}); err != nil {
		return err
	}
	if err := s.w.failure(); err != nil {
		return u.readError(s, err)
	}
	return nil
}
