package source

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/richardlehane/mscfb"
)

// Property tags of Outlook messages (MS-OXPROPS), without their types.
const (
	propMessageClass     = 0x001A
	propSubject          = 0x0037
	propClientSubmitTime = 0x0039
	propRepresentingName = 0x0042
	propRepresentingMail = 0x0065
	propRepresentingType = 0x0064
	propReplyNames       = 0x0050
	propTransportHeaders = 0x007D
	propRecipientType    = 0x0C15
	propSenderName       = 0x0C1A
	propSenderType       = 0x0C1E
	propSenderMail       = 0x0C1F
	propDeliveryTime     = 0x0E06
	propBody             = 0x1000
	propRTF              = 0x1009
	propHTML             = 0x1013
	propMessageID        = 0x1035
	propReferences       = 0x1039
	propInReplyTo        = 0x1042
	propDisplayName      = 0x3001
	propAddressType      = 0x3002
	propAddress          = 0x3003
	propSMTPAddress      = 0x39FE
	propAttachData       = 0x3701
	propAttachExtension  = 0x3703
	propAttachShortName  = 0x3704
	propAttachMethod     = 0x3705
	propAttachLongName   = 0x3707
	propAttachPath       = 0x3708
	propAttachLongPath   = 0x370D
	propAttachType       = 0x370E
	propAttachContentID  = 0x3712
	propInternetCodepage = 0x3FDE
	propMessageCodepage  = 0x3FFD
	propSenderSMTP       = 0x5D01
	propRepresentingSMTP = 0x5D02
	propAttachmentHidden = 0x7FFE
	typeInteger          = 0x0003
	typeBoolean          = 0x000B
	typeObject           = 0x000D
	typeString8          = 0x001E
	typeString           = 0x001F
	typeTime             = 0x0040
	typeBinary           = 0x0102
	attachByReference    = 2
	attachReferenceOnly  = 4
	attachEmbedded       = 5
	attachWeb            = 7
	recipientCc          = 2
	recipientBcc         = 3
	propertiesStream     = "__properties_version1.0"
	substreamPrefix      = "__substg1.0_"
	recipientPrefix      = "__recip_version1.0_"
	attachmentPrefix     = "__attach_version1.0_"
	headerBytesMessage   = 32 // MS-OXMSG §2.4.1.1
	headerBytesEmbedded  = 24 // §2.4.1.2
	headerBytesSub       = 8  // §2.4.1.3
	maxEmbedded          = 16 // messages within messages
	maxRecipients        = 100_000
	maxAttachments       = 10_000
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

// properties are those of a message, a recipient or an attachment.
type properties struct {
	c     *compound
	at    *storage
	fixed map[uint32][8]byte // by tag: identifier, type
	page  codepage
	err   *error // the first failure, of the whole message
}

// open reads the fixed properties (MS-OXMSG §2.4): entries of 16 bytes behind a header.
func (c *compound) open(at *storage, header int, failed *error) properties {
	p := properties{c: c, at: at, fixed: map[uint32][8]byte{}, page: codepageOf(cpWestern), err: failed}
	f := at.streams[propertiesStream]
	if f == nil {
		return p
	}
	b, err := c.read(f)
	p.note(err)
	for b = b[min(header, len(b)):]; len(b) >= 16; b = b[16:] {
		p.fixed[binary.LittleEndian.Uint32(b)] = [8]byte(b[8:16])
	}
	return p
}

func (p properties) note(err error) {
	if err != nil && *p.err == nil {
		*p.err = err
	}
}

func (p properties) integer(id uint32) (int, bool) {
	v, ok := p.fixed[id<<16|typeInteger]
	return int(int32(binary.LittleEndian.Uint32(v[:]))), ok
}

func (p properties) boolean(id uint32) bool {
	v := p.fixed[id<<16|typeBoolean]
	return v[0] != 0
}

// filetimeEpoch is 1 January 1601 in seconds before 1970 (MS-DTYP §2.3.3).
const filetimeEpoch = 11_644_473_600

func (p properties) time(id uint32) time.Time {
	v, ok := p.fixed[id<<16|typeTime]
	ticks := binary.LittleEndian.Uint64(v[:])
	if !ok || ticks == 0 || ticks > 1<<59 {
		return time.Time{}
	}
	return time.Unix(int64(ticks/1e7)-filetimeEpoch, int64(ticks%1e7)*100).UTC()
}

// bytes returns a property that lies in a stream of its own.
func (p properties) bytes(id uint32, typ uint32) []byte {
	f := p.at.streams[substreamName(id, typ)]
	if f == nil {
		return nil
	}
	b, err := p.c.read(f)
	p.note(err)
	return b
}

func substreamName(id, typ uint32) string {
	return fmt.Sprintf("%s%04X%04X", substreamPrefix, id, typ)
}

// text returns a string property as UTF-8, in whichever of its types it is there.
func (p properties) text(id uint32) string {
	if b := p.bytes(id, typeString); b != nil {
		return utf16LE(b)
	}
	b := p.bytes(id, typeString8)
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return p.page.decode(b)
}

// first returns the first of some string properties that is not empty.
func (p properties) first(ids ...uint32) string {
	for _, id := range ids {
		if s := p.text(id); s != "" {
			return s
		}
	}
	return ""
}

// mapiPerson is a sender or recipient.
type mapiPerson struct {
	name, addr string
	kind       int // recipient type
}

// mapiMessage is what the properties of a message say.
type mapiMessage struct {
	class, headers, subject   string
	messageID, inReplyTo      string
	references, replyTo       string
	from, sender              mapiPerson
	recipients                []mapiPerson
	submitted, delivered      time.Time
	plain, html               []byte
	plainCharset, htmlCharset string
	hasPlain, hasHTML         bool
	attachments               []mapiAttachment
}

type mapiAttachment struct {
	name, mimeType, contentID string
	hidden                    bool
	data                      []byte
	embedded                  *mapiMessage
	reference                 string // a path or address in place of the data
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
	var failed error
	return c.message(c.root, headerBytesMessage, 0, &failed), failed
}

func (c *compound) message(at *storage, header, depth int, failed *error) *mapiMessage {
	p := c.open(at, header, failed)
	internet, _ := p.integer(propInternetCodepage)
	page, ok := p.integer(propMessageCodepage)
	if !ok {
		page = internet
	}
	p.page = codepageOf(page)
	m := &mapiMessage{
		class: p.text(propMessageClass), headers: p.text(propTransportHeaders), subject: p.text(propSubject),
		messageID: p.text(propMessageID), inReplyTo: p.text(propInReplyTo),
		references: p.text(propReferences), replyTo: p.text(propReplyNames),
		submitted: p.time(propClientSubmitTime), delivered: p.time(propDeliveryTime),
	}
	m.sender = p.person(propSenderName, propSenderSMTP, propSenderMail, propSenderType)
	m.from = p.person(propRepresentingName, propRepresentingSMTP, propRepresentingMail, propRepresentingType)
	p.body(m, internet)
	for _, r := range at.sub(recipientPrefix, maxRecipients) {
		m.recipients = append(m.recipients, c.recipient(r, p.page, failed))
	}
	for _, a := range at.sub(attachmentPrefix, maxAttachments) {
		m.attachments = append(m.attachments, c.attachment(a, p.page, depth, failed))
	}
	return m
}

// person reads a sender. The address of one within the house ("EX") is the name
// of a directory entry and no mail address.
func (p properties) person(name, smtp, mail, typ uint32) mapiPerson {
	who := mapiPerson{name: p.text(name), addr: p.text(smtp)}
	if who.addr == "" && !strings.EqualFold(p.text(typ), "EX") {
		who.addr = p.text(mail)
	}
	return who.tidy()
}

func (who mapiPerson) tidy() mapiPerson {
	if !strings.Contains(who.addr, "@") || strings.HasPrefix(who.addr, "/") {
		who.addr = ""
	}
	who.addr = strings.Trim(who.addr, "<>'\" ")
	if who.addr == "" && strings.Contains(who.name, "@") && !strings.ContainsAny(who.name, " <>") {
		who.addr = strings.Trim(who.name, "'\"")
	}
	return who
}

func (c *compound) recipient(at *storage, page codepage, failed *error) mapiPerson {
	p := c.open(at, headerBytesSub, failed)
	p.page = page
	who := p.person(propDisplayName, propSMTPAddress, propAddress, propAddressType)
	who.kind, _ = p.integer(propRecipientType)
	return who
}

// body reads the text in all its forms. RTF serves only where it wraps HTML
// that is not there otherwise, or where it is all there is: Outlook makes it from the others.
func (p properties) body(m *mapiMessage, internet int) {
	if s := p.text(propBody); s != "" {
		m.plain, m.plainCharset, m.hasPlain = []byte(s), "utf-8", true
	}
	if s := p.text(propHTML); s != "" {
		m.html, m.htmlCharset, m.hasHTML = []byte(s), "utf-8", true
	} else if b := p.bytes(propHTML, typeBinary); len(b) > 0 {
		m.html, m.htmlCharset, m.hasHTML = b, codepageOf(internet).charset, true
		if internet == 0 {
			m.htmlCharset = "" // the HTML must say it
		}
	}
	if m.hasHTML {
		return
	}
	packed := p.bytes(propRTF, typeBinary)
	if len(packed) == 0 {
		return
	}
	rtf, err := unpackRTF(packed, int(min(p.c.budget+int64(17*len(packed)), 1<<28)))
	p.note(err)
	switch body := readRTF(rtf, 1<<28); {
	case body.html && body.text != "":
		m.html, m.htmlCharset, m.hasHTML = []byte(body.text), "utf-8", true
	case !m.hasPlain && body.text != "":
		m.plain, m.plainCharset, m.hasPlain = []byte(body.text), "utf-8", true
	}
}

func (c *compound) attachment(at *storage, page codepage, depth int, failed *error) mapiAttachment {
	p := c.open(at, headerBytesSub, failed)
	p.page = page
	a := mapiAttachment{
		name:      p.first(propAttachLongName, propAttachShortName, propDisplayName),
		mimeType:  p.text(propAttachType),
		contentID: strings.Trim(p.text(propAttachContentID), "<> "),
		hidden:    p.boolean(propAttachmentHidden),
		data:      p.bytes(propAttachData, typeBinary),
	}
	method, _ := p.integer(propAttachMethod)
	object := at.folders[substreamName(propAttachData, typeObject)]
	switch {
	case object != nil && object.streams[propertiesStream] != nil && depth >= maxEmbedded:
		p.note(fmt.Errorf("messages attached to one another more than %d deep", maxEmbedded))
	case object != nil && object.streams[propertiesStream] != nil:
		a.embedded = c.message(object, headerBytesEmbedded, depth+1, failed)
	case object != nil:
		a.data = p.oleObject(object)
	case method == attachByReference || method == attachReferenceOnly || method == attachWeb:
		a.reference = p.first(propAttachLongPath, propAttachPath)
	}
	if a.name == "" && p.text(propAttachExtension) != "" {
		a.name = "attachment" + strconv.Itoa(len(a.data)) + p.text(propAttachExtension)
	}
	return a
}

// oleObject returns the content of an embedded object: the stream that holds
// its native data (MS-OLEDS §2.3.6), else its largest stream.
func (p properties) oleObject(object *storage) []byte {
	var best string
	for name, f := range object.streams {
		switch {
		case name == "CONTENTS" || name == "Package" || name == "Ole10Native":
			b, err := p.c.read(f)
			p.note(err)
			return b
		case best == "" || f.Size > object.streams[best].Size || f.Size == object.streams[best].Size && name < best:
			best = name
		}
	}
	if best == "" {
		return nil
	}
	b, err := p.c.read(object.streams[best])
	p.note(err)
	return b
}
