package source

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail/tnef"
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
	propReceivedName     = 0x0040
	propReceivedType     = 0x0075
	propReceivedMail     = 0x0076
	propReceivedSMTP     = 0x5D07
	propMessageFlags     = 0x0E07
	flagUnsent           = 8
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
	maxEmbedded          = 16 // messages within messages
	maxRecipients        = 100_000
	maxAttachments       = 10_000
)

// bag is where the properties of one object lie: in a compound file (.msg) or in
// a data file of Outlook (.pst). Tags are identifier and type.
type bag interface {
	// fixed returns a property of at most eight bytes.
	fixed(tag uint32) ([8]byte, bool)
	// stream returns one of any length, nil if it is not there. With an error comes what could be read.
	stream(tag uint32) ([]byte, error)
}

// mapiObject is a message as its container holds it.
type mapiObject interface {
	bag
	recipients() ([]bag, error)
	// attached calls fn for each attachment. fn reads all that it wants of it.
	attached(fn func(mapiAttached)) error
}

// mapiAttached is an attachment as its container holds it.
type mapiAttached interface {
	bag
	// message returns the message that is attached, nil if something else is.
	message() (mapiObject, error)
	// object returns the content of an OLE object, nil if something else is attached.
	object() ([]byte, error)
}

// properties are those of a message, a recipient or an attachment.
type properties struct {
	bag
	page codepage
	err  *error // the first failure, of the whole message
}

func (p properties) note(err error) {
	if err != nil && *p.err == nil {
		*p.err = err
	}
}

func (p properties) integer(id uint32) (int, bool) {
	v, ok := p.fixed(id<<16 | typeInteger)
	return int(int32(binary.LittleEndian.Uint32(v[:]))), ok
}

func (p properties) boolean(id uint32) bool {
	v, _ := p.fixed(id<<16 | typeBoolean)
	return v[0] != 0
}

// filetimeEpoch is 1 January 1601 in seconds before 1970 (MS-DTYP §2.3.3).
const filetimeEpoch = 11_644_473_600

func (p properties) time(id uint32) time.Time {
	v, ok := p.fixed(id<<16 | typeTime)
	ticks := binary.LittleEndian.Uint64(v[:])
	if !ok || ticks == 0 || ticks > 1<<59 {
		return time.Time{}
	}
	return time.Unix(int64(ticks/1e7)-filetimeEpoch, int64(ticks%1e7)*100).UTC()
}

// bytes returns a property of any length.
func (p properties) bytes(id uint32, typ uint32) []byte {
	b, err := p.stream(id<<16 | typ)
	p.note(err)
	return b
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
	receiver                  string      // whose copy it is, if that is stated
	extra                     [][2]string // fields that have a property of their own
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

// readMAPI reads a message out of whatever holds it. What could not be read is
// in failed, the rest in the message.
func readMAPI(o mapiObject, depth int, failed *error) *mapiMessage {
	p := properties{bag: o, page: codepageOf(cpWestern), err: failed}
	internet, _ := p.integer(propInternetCodepage)
	page, ok := p.integer(propMessageCodepage)
	if !ok {
		page = internet
	}
	p.page = codepageOf(page)
	m := &mapiMessage{
		class: p.text(propMessageClass), headers: p.text(propTransportHeaders), subject: withoutPrefix(p.text(propSubject)),
		messageID: p.text(propMessageID), inReplyTo: p.text(propInReplyTo),
		references: p.text(propReferences), replyTo: p.text(propReplyNames),
		submitted: p.time(propClientSubmitTime), delivered: p.time(propDeliveryTime),
	}
	m.sender = p.person(propSenderName, propSenderSMTP, propSenderMail, propSenderType)
	m.from = p.person(propRepresentingName, propRepresentingSMTP, propRepresentingMail, propRepresentingType)
	m.receiver = p.person(propReceivedName, propReceivedSMTP, propReceivedMail, propReceivedType).addr
	p.body(m, internet)
	recipients, err := o.recipients()
	p.note(err)
	for _, r := range recipients {
		m.recipients = append(m.recipients, properties{r, p.page, failed}.recipient())
	}
	p.note(o.attached(func(a mapiAttached) {
		m.attachments = append(m.attachments, properties{a, p.page, failed}.attachment(a, depth))
	}))
	return m
}

// withoutPrefix takes off the mark that data files put before a subject: a byte 1
// and the length of its "Re: " (MS-PST §2.5.3.1.1.1).
func withoutPrefix(subject string) string {
	if runes := []rune(subject[:min(len(subject), 8)]); len(runes) >= 2 && runes[0] == 1 {
		return subject[len(string(runes[:2])):]
	}
	return subject
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

func (p properties) recipient() mapiPerson {
	who := p.person(propDisplayName, propSMTPAddress, propAddress, propAddressType)
	who.kind, _ = p.integer(propRecipientType)
	return who
}

// maxRTF bounds a body in RTF: some bytes of packing come to eight times as many.
const maxRTF = 64 << 20

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
	rtf, err := tnef.UnpackRTF(packed, maxRTF)
	p.note(err)
	if len(rtf) == maxRTF {
		p.note(fmt.Errorf("an RTF body of more than %d MB is read so far only", maxRTF>>20))
	}
	switch body := readRTF(rtf, maxRTF); {
	case body.html && body.text != "":
		m.html, m.htmlCharset, m.hasHTML = []byte(body.text), "utf-8", true
	case !m.hasPlain && body.text != "":
		m.plain, m.plainCharset, m.hasPlain = []byte(body.text), "utf-8", true
	}
}

func (p properties) attachment(from mapiAttached, depth int) mapiAttachment {
	a := mapiAttachment{
		name:      p.first(propAttachLongName, propAttachShortName, propDisplayName),
		mimeType:  p.text(propAttachType),
		contentID: strings.Trim(p.text(propAttachContentID), "<> "),
		hidden:    p.boolean(propAttachmentHidden),
		data:      p.bytes(propAttachData, typeBinary),
	}
	method, _ := p.integer(propAttachMethod)
	message, err := from.message()
	p.note(err)
	switch {
	case message != nil && depth >= maxEmbedded:
		p.note(fmt.Errorf("messages attached to one another more than %d deep", maxEmbedded))
	case message != nil:
		a.embedded = readMAPI(message, depth+1, p.err)
	case method == attachByReference || method == attachReferenceOnly || method == attachWeb:
		a.reference = p.first(propAttachLongPath, propAttachPath)
	case a.data == nil:
		a.data, err = from.object()
		p.note(err)
	}
	if a.name == "" && p.text(propAttachExtension) != "" {
		a.name = "attachment" + strconv.Itoa(len(a.data)) + p.text(propAttachExtension)
	}
	return a
}
