package source

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis/internal/mail/source/pst"
)

// readPST reads a data file of Outlook. Its messages come in the order of their
// numbers in it, which is the order in which they got there; their folders and
// the number are in Item.Source: "keller.pst!Inbox/Budget/0x200024".
func (u *unit) readPST(s *stream) error {
	at, size, done, err := u.randomAccess(s)
	if err != nil {
		return u.readError(s, err)
	}
	defer done()
	file, err := pst.Open(at, size)
	if err != nil {
		u.fail(s, 0, err, pstRemedy(err))
		return nil
	}
	r := &pstReader{u: u, s: s, file: file, size: size}
	r.meter = meter{ratio: u.cfg.MaxRatio, packed: func() int64 { return size }}
	if s.disk == nil {
		r.meter.parent = s.meter
	}
	return r.read()
}

func pstRemedy(err error) string {
	switch {
	case errors.Is(err, pst.ErrProtected):
		return "only a computer of the organisation can read it: open it there in Outlook and export the folders to a new .pst file"
	case errors.Is(err, pst.ErrAddresses):
		return "remove it from the folder"
	case errors.Is(err, pst.ErrFormat):
		return "open it in Outlook and export the folders to a new .pst file"
	}
	return remedyFor(err)
}

// pstReader reads one data file.
type pstReader struct {
	u     *unit
	s     *stream
	file  *pst.File
	size  int64
	meter meter
	owner string
	names map[uint16]string // properties that stand for header fields
	left  int               // bytes that may still be read of the message at hand
	skip  int64             // messages that an earlier run has dealt with
	err   error             // that ends Walk
}

const damagedRemedy = "repair a copy of the file with Outlook's scanpst and scan that too; what could be read was read"

func (r *pstReader) read() error {
	r.damages(r.s)
	r.file.Stopped = func() bool { return r.u.stopped() != nil }
	r.file.Text = r.codepage().decode
	store, err := r.file.Store()
	if err != nil {
		r.problem(r.s, 0, fmt.Errorf("what the file says about itself: %w", err))
	}
	if strings.Contains(store.Owner, "@") {
		r.owner = store.Owner
	}
	if r.names, err = r.file.HeaderNames(); err != nil {
		r.problem(r.s, 0, fmt.Errorf("names of properties: %w", err))
	}
	r.resume()
	slot := int64(0)
	r.file.Messages(func(e pst.Entry) bool {
		if slot++; slot <= r.skip {
			return r.stopped()
		}
		r.u.pos.Start = slot - 1
		r.u.pos.Offset = r.u.pos.Items
		r.damages(r.s)
		r.err = r.message(e)
		if r.s.disk != nil {
			r.u.src.reach(min(r.file.BytesRead(), r.size))
		}
		return r.stopped()
	})
	r.damages(r.s)
	return r.err
}

// codepage is that of folders' names in the old form, which states it for
// messages only: that of the first messages which do.
func (r *pstReader) codepage() codepage {
	page, tries := cpWestern, 0
	if r.file.Form() != pst.ANSI {
		return codepageOf(page)
	}
	r.file.Messages(func(e pst.Entry) bool {
		m, err := r.file.Open(e)
		if err == nil {
			p := properties{bag: &pstObject{Properties: m.Properties, r: r, m: m}, err: new(error)}
			if n, ok := p.integer(propMessageCodepage); ok && codepages[n].encoding != nil {
				page = n
				return false
			}
		}
		tries++
		return tries < 16 && r.u.stopped() == nil
	})
	r.damages(r.s)
	return codepageOf(page)
}

// resume passes over what an earlier run has read of the same file: Position.Start
// counts messages here, and Position.Offset what was handed on before the last of them.
func (r *pstReader) resume() {
	stored := r.u.stored
	if r.s.disk == nil || stored.File == "" || !stored.same(r.u.pos.Size, r.u.pos.ModTime) || stored.Start < 0 || stored.Offset > stored.Items {
		return
	}
	r.skip, r.u.pos.Items, r.u.dropUpTo = stored.Start, stored.Offset, stored.Items
}

func (r *pstReader) stopped() bool {
	if r.err == nil {
		r.err = r.u.stopped()
	}
	return r.err == nil
}

// damages reports what was found to be broken on the way.
func (r *pstReader) damages(s *stream) {
	for _, d := range r.file.Damages() {
		r.u.fail(s, d.Offset, d, damagedRemedy)
	}
}

func (r *pstReader) problem(s *stream, offset int64, err error) {
	var d *pst.Damage
	if errors.As(err, &d) && d.Offset > 0 {
		offset = d.Offset
	}
	r.u.fail(s, offset, err, damagedRemedy)
}

// message reads one message and hands it on.
func (r *pstReader) message(e pst.Entry) error {
	s, kept := r.place(e)
	m, err := r.file.Open(e)
	if m == nil {
		r.problem(s, 0, err)
		return nil
	}
	if err != nil {
		r.problem(s, m.Offset, err)
	}
	r.left = int(min(r.u.cfg.MaxMessage/10*7, 1<<30)) // it grows when it is written as MIME
	o := &pstObject{Properties: m.Properties, r: r, m: m}
	if class := (properties{bag: o, page: codepageOf(cpWestern), err: &err}).text(propMessageClass); !isMail(class) {
		if r.u.cfg.Ignored != nil {
			r.u.cfg.Ignored(s.label)
		}
		return nil
	}
	var failed error
	built := readMAPI(o, 0, &failed)
	built.extra = o.extra(built)
	if failed != nil {
		r.failed(s, m.Offset, failed)
	}
	r.damages(s)
	item := Item{Raw: built.render(), Rebuilt: true, Envelope: built.ownCopy(), Kept: kept}
	if flags, ok := o.Fixed(propMessageFlags<<16 | typeInteger); ok && flags[0]&flagUnsent != 0 {
		item.Kept.State |= Draft
	}
	if over := r.meter.add(int64(len(item.Raw))); over != nil {
		r.u.fail(s, m.Offset, over, "the file names the same pieces again and again; if it is a mailbox, export it anew")
		return nil
	}
	return r.u.hand(s, item)
}

func (r *pstReader) failed(s *stream, offset int64, err error) {
	if errors.Is(err, pst.ErrTooLarge) {
		r.u.fail(s, offset, fmt.Errorf("message is larger than the limit of %d bytes: only its beginning was read", r.u.cfg.MaxMessage),
			"save it from Outlook as a file of its own; messages are read up to 64 MiB")
		return
	}
	r.problem(s, offset, fmt.Errorf("part of the message could not be read: %w", err))
}

// place is the stream that a message is said to come from.
func (r *pstReader) place(e pst.Entry) (*stream, Kept) {
	folder, err := r.file.Folder(e.Folder)
	inner := *r.s
	path := make([]string, len(folder.Path))
	for i, name := range folder.Path {
		path[i] = strings.NewReplacer("/", "_", "\\", "_").Replace(name)
	}
	kept := Kept{Folder: valid(strings.Join(path, "/")), State: pstState(folder)}
	inner.label = valid(r.s.label + "!" + strings.Join(append(path, fmt.Sprintf("%#x", e.Number)), "/"))
	inner.folder = r.u.memberFolder(r.s, "")
	if inner.owner = r.owner; len(path) > 0 && strings.Contains(path[0], "@") && !strings.Contains(path[0], " ") {
		inner.owner = path[0] // an export of several mailboxes into one file
	}
	if inner.owner == "" && inner.folder == "" {
		inner.folder = stem(r.s.name)
	}
	if err != nil {
		r.problem(&inner, 0, fmt.Errorf("its folder: %w", err))
	}
	return &inner, kept
}

func pstState(folder pst.Folder) State {
	switch folder.Special {
	case pst.Sent:
		return Sent
	case pst.Outbox, pst.Drafts:
		return Draft
	case pst.Deleted:
		return Deleted
	case pst.Junk:
		return Junk
	}
	return stateOf(folder.Path...)
}

// isMail tells by its class whether an entry of a folder is mail: letters,
// reports of delivery, invitations, posts; not the owner's contacts, appointments,
// tasks and notes (MS-OXCMSG §2.2.1.3). A class that is not known is mail.
func isMail(class string) bool {
	class = strings.ToLower(class)
	for _, other := range []string{"ipm.contact", "ipm.distlist", "ipm.abchperson", "ipm.appointment", "ipm.task", "ipm.stickynote", "ipm.activity",
		"ipm.configuration", "ipm.microsoft", "ipm.ole", "ipc", "ipm.rule", "ipm.extendedrule", "ipm.externalevent"} {
		if class == other || strings.HasPrefix(class, other+".") {
			return false
		}
	}
	return true
}

// ownCopy is the envelope of a message that lies in a mailbox: whose copy it is,
// if that is stated. The list of recipients says no more than To and Cc do, which
// the sender wrote; only that of a message which the owner sent has blind copies, and then is true.
func (m *mapiMessage) ownCopy() Envelope {
	e := m.envelope()
	blind := slices.ContainsFunc(m.recipients, func(r mapiPerson) bool { return r.kind&0xf == recipientBcc })
	switch {
	case m.receiver != "":
		e.Recipients = []string{m.receiver}
	case !blind:
		e.Recipients = nil
	}
	return e
}

// pstObject is a message, a recipient or an attachment of a data file.
type pstObject struct {
	*pst.Properties
	r *pstReader
	m *pst.Message
	a *pst.Attachment
}

func (o *pstObject) fixed(tag uint32) ([8]byte, bool) { return o.Fixed(pst.Tag(tag)) }

func (o *pstObject) stream(tag uint32) ([]byte, error) {
	return o.r.spend(o.Bytes(pst.Tag(tag), o.r.left))
}

// spend counts what was read of a message.
func (r *pstReader) spend(b []byte, err error) ([]byte, error) {
	r.left -= min(len(b), r.left)
	return b, err
}

func (o *pstObject) recipients() ([]bag, error) {
	list := make([]bag, len(o.m.Recipients))
	for i, p := range o.m.Recipients {
		list[i] = &pstObject{Properties: p, r: o.r}
	}
	return list, nil
}

func (o *pstObject) attached(fn func(mapiAttached)) error {
	var failed error
	err := o.m.Attachments(func(a *pst.Attachment, err error) bool {
		if failed == nil {
			failed = err
		}
		if a != nil {
			fn(&pstObject{Properties: a.Properties, r: o.r, a: a})
		}
		return true
	})
	return errors.Join(failed, err)
}

func (o *pstObject) message() (mapiObject, error) {
	m, err := o.a.Embedded()
	if m == nil {
		return nil, err
	}
	return &pstObject{Properties: m.Properties, r: o.r, m: m}, err
}

func (o *pstObject) object() ([]byte, error) { return o.r.spend(o.a.Object(o.r.left)) }

// extra are header fields that have properties of their own, which matters where
// the header itself was not kept.
func (o *pstObject) extra(m *mapiMessage) (fields [][2]string) {
	if len(o.r.names) == 0 {
		return nil
	}
	p := properties{bag: o, page: codepageOf(cpWestern), err: new(error)}
	for _, tag := range o.Tags() {
		name, ok := o.r.names[uint16(tag>>16)]
		if !ok || fieldName([]byte(name+":")) == "" {
			continue
		}
		if value := p.text(uint32(tag >> 16)); value != "" {
			fields = append(fields, [2]string{name, value})
		}
	}
	return fields
}
