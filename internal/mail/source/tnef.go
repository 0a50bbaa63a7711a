package source

import (
	"bytes"

	"portcullis.example/portcullis/internal/mail/tnef"
)

// tnefBag makes the properties of a winmail.dat those of a message: what lies in one is put together as what lies in a data file is.
type tnefBag struct{ o *tnef.Object }

func (b tnefBag) fixed(tag uint32) ([8]byte, bool) { return b.o.Fixed(tag) }

func (b tnefBag) stream(tag uint32) ([]byte, error) { return b.o.Stream(tag), nil }

// tnefMessage is the message of one stream.
type tnefMessage struct {
	tnefBag
	m *tnef.Message
}

func newTNEFMessage(m *tnef.Message) tnefMessage { return tnefMessage{tnefBag{&m.Object}, m} }

func (t tnefMessage) recipients() (list []bag, err error) {
	for i := range t.m.Recipients {
		list = append(list, tnefBag{&t.m.Recipients[i]})
	}
	return list, nil
}

func (t tnefMessage) attached(fn func(mapiAttached)) error {
	for i := range t.m.Attachments {
		a := &t.m.Attachments[i]
		fn(tnefAttached{tnefBag{&a.Object}, a})
	}
	return nil
}

// tnefAttached is an attachment of one.
type tnefAttached struct {
	tnefBag
	a *tnef.Attachment
}

// stream gives the content as the property that it is elsewhere.
func (t tnefAttached) stream(tag uint32) ([]byte, error) {
	if tag == propAttachData<<16|typeBinary {
		return t.a.Data, nil
	}
	return t.tnefBag.stream(tag)
}

func (t tnefAttached) message() (mapiObject, error) {
	if t.a.Embedded == nil {
		return nil, nil
	}
	m, err := tnef.Read(t.a.Embedded)
	return newTNEFMessage(m), err
}

func (t tnefAttached) object() ([]byte, error) { return t.a.Storage, nil }

// tnef takes messages out of a winmail.dat: those that are attached to it as such, and as files. What else lies in it is part of the letter.
func (a *attachedReader) tnef(b []byte, number string, depth int) {
	m, _ := tnef.Read(b) // what is wrong with it is said of the attachment itself
	var failed error
	page := properties{bag: tnefBag{&m.Object}, err: &failed}
	code, _ := page.integer(propMessageCodepage)
	page.page = codepageOf(code)
	for i := range m.Attachments {
		if a.err != nil {
			return
		}
		from := tnefAttached{tnefBag{&m.Attachments[i].Object}, &m.Attachments[i]}
		name := properties{from, page.page, &failed}.first(propAttachLongName, propAttachShortName, propDisplayName)
		if name == "" {
			name = "message"
		}
		number := valid(number + "!" + memberName(name))
		inner, _ := from.message()
		switch {
		case inner != nil:
			a.take(readMAPI(inner, 1, &failed).render(), true, number, depth)
		case bytes.HasPrefix(from.a.Data, []byte(tnef.Signature)):
			a.deeper(func() { a.tnef(from.a.Data, number, depth+1) }, depth)
		case len(from.a.Data) > 0:
			a.content(from.a.Data, false, number, depth)
		}
	}
}
