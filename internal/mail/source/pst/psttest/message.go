package psttest

import (
	"encoding/binary"
	"slices"
	"time"
)

// Identifiers of properties (MS-OXPROPS).
const (
	propClass         = 0x001A
	propSubject       = 0x0037
	propSubmitted     = 0x0039
	propRealName      = 0x0042
	propRealType      = 0x0064
	propRealSender    = 0x0065
	propReceiverType  = 0x0075
	propReceiver      = 0x0076
	propHeaders       = 0x007D
	propKind          = 0x0C15
	propSenderName    = 0x0C1A
	propSenderType    = 0x0C1E
	propSender        = 0x0C1F
	propDelivered     = 0x0E06
	propFlags         = 0x0E07
	propSize          = 0x0E20
	propPlain         = 0x1000
	propRTF           = 0x1009
	propHTML          = 0x1013
	propID            = 0x1035
	propName          = 0x3001
	propAddressType   = 0x3002
	propAddress       = 0x3003
	propCount         = 0x3602
	propUnread        = 0x3603
	propSubfolders    = 0x360A
	propSMTP          = 0x39FE
	propAttachData    = 0x3701
	propAttachMethod  = 0x3705
	propAttachLong    = 0x3707
	propAttachType    = 0x370E
	propAttachID      = 0x3712
	propRenderingAt   = 0x370B
	propCodepage      = 0x3FDE
	propTextCodepage  = 0x3FFD
	propSubtree       = 0x35E0
	propWastebasket   = 0x35E3
	propSentFolder    = 0x35E4
	propRecordKey     = 0x0FF9
	nodeAttachments   = 0x671
	nodeRecipients    = 0x692
	cyrillic          = 1251
	internetHeaderSet = "\x86\x03\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46"
)

// recordKey is what entry ids name this file by.
var recordKey = []byte("an invented one!")

func entryID(node uint32) []byte {
	return binary.LittleEndian.AppendUint32(append(make([]byte, 4), recordKey...), node)
}

func (w *writer) store() made {
	list := []value{
		w.text(propName, w.box.Name), {propRecordKey<<16 | 0x102, recordKey}, {propSubtree<<16 | 0x102, entryID(nodeSubtree)},
	}
	if w.sent != 0 {
		list = append(list, value{propSentFolder<<16 | 0x102, entryID(w.sent)})
	}
	if w.bin != 0 {
		list = append(list, value{propWastebasket<<16 | 0x102, entryID(w.bin)})
	}
	return w.heap(0xBC).properties(list)
}

// names stores the map of named properties (MS-PST §2.4.7) with at most one in it.
func (w *writer) names() made {
	list := []value{number(0x0001, 1)}
	if w.box.Header != "" {
		text := encode16(w.box.Header)
		entry := make([]byte, 8)
		entry[4] = 3<<1 | 1 // a name, in the first set
		list = append(list, value{0x0002<<16 | 0x102, []byte(internetHeaderSet)}, value{0x0003<<16 | 0x102, entry},
			value{0x0004<<16 | 0x102, append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...)})
	}
	return w.heap(0xBC).properties(list)
}

// folderNodes writes a folder, its tables, and all below it.
func (w *writer) folderNodes(node uint32, name string, parent uint32, folders []Folder, known []uint32) {
	w.folderWith(node, parent, Folder{Name: name, Folders: folders}, known)
}

func (w *writer) folderWith(node, parent uint32, f Folder, known []uint32) {
	var subs []uint32
	var rows [][]value
	for _, inner := range f.Folders {
		number := w.dirs<<5 | 2
		w.dirs++
		if inner.Sent {
			w.sent = number
		}
		if inner.Deleted {
			w.bin = number
		}
		subs = append(subs, number)
		rows = append(rows, []value{w.text(propName, inner.Name)})
		w.folderWith(number, node, inner, nil)
	}
	for _, number := range known {
		subs, rows = append(subs, number), append(rows, []value{w.text(propName, "Top of Outlook data file")})
	}
	var messages []uint32
	var contents [][]value
	for i := range f.Messages {
		number := w.count<<5 | 4
		w.count++
		w.addNode(number, node, w.message(&f.Messages[i]))
		messages = append(messages, number)
		contents = append(contents, []value{w.text(propSubject, f.Messages[i].Subject)})
	}
	has := byte(0)
	if len(subs) > 0 {
		has = 1
	}
	w.addNode(node, parent, w.heap(0xBC).properties([]value{
		w.text(propName, f.Name), number(propCount, uint32(len(messages))), number(propUnread, 0), {propSubfolders<<16 | 0x0b, []byte{has}},
	}))
	w.addNode(node&^0x1f|0x0d, 0, w.table(subs, rows))
	w.addNode(node&^0x1f|0x0e, 0, w.table(messages, contents))
	w.addNode(node&^0x1f|0x0f, 0, w.table(nil, nil))
}

func (w *writer) message(m *Message) made {
	h := w.heap(0xBC)
	class := m.Class
	if class == "" {
		class = "IPM.Note"
	}
	list := []value{
		w.text(propClass, class), w.text(propSubject, m.Subject), w.text(propHeaders, m.Headers),
		w.text(propSenderName, m.FromName), w.text(propSender, m.From), w.text(propSenderType, "SMTP"),
		w.text(propRealName, m.FromName), w.text(propRealSender, m.From), w.text(propRealType, "SMTP"),
		w.text(propPlain, m.Plain), w.text(propID, m.MessageID), {propHTML<<16 | 0x102, m.HTML}, {propRTF<<16 | 0x102, m.RTF},
		number(propFlags, 1), number(propCodepage, 65001), number(propTextCodepage, cyrillic),
	}
	if !m.When.IsZero() {
		list = append(list, value{propDelivered<<16 | 0x40, filetime(m.When)}, value{propSubmitted<<16 | 0x40, filetime(m.When)})
	}
	if m.Receiver != "" {
		list = append(list, w.text(propReceiver, m.Receiver), w.text(propReceiverType, "SMTP"))
	}
	for tag, b := range m.More {
		list = append(slices.DeleteFunc(list, func(v value) bool { return v.tag>>16 == tag>>16 }), value{tag, b})
	}
	w.recipients(h, m.Recipients)
	w.attachments(h, m.Attachments)
	return h.properties(list)
}

// filetime counts tenths of microseconds since 1601 (MS-DTYP §2.3.3).
func filetime(t time.Time) []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64(t.Unix()+11_644_473_600)*10_000_000+uint64(t.Nanosecond()/100))
}

func (w *writer) recipients(h *heap, list []Recipient) {
	var ids []uint32
	var rows [][]value
	for i, r := range list {
		ids = append(ids, uint32(i))
		rows = append(rows, []value{
			number(propKind, max(r.Kind, 1)), w.text(propName, r.Name), w.text(propAddressType, "SMTP"), w.text(propAddress, r.Address), w.text(propSMTP, r.Address),
		})
	}
	t := w.table(ids, rows)
	h.subs = append(h.subs, nodeEntry{number: nodeRecipients, data: t.data, subs: t.subs})
}

func (w *writer) attachments(h *heap, list []Attachment) {
	if len(list) == 0 {
		return
	}
	var ids []uint32
	var rows [][]value
	for i := range list {
		id := uint32(0x401+i)<<5 | 5
		a := w.attachment(&list[i])
		h.subs = append(h.subs, nodeEntry{number: id, data: a.data, subs: a.subs})
		ids = append(ids, id)
		rows = append(rows, []value{number(propSize, uint32(len(list[i].Data))), number(propAttachMethod, list[i].method()), number(propRenderingAt, 0xffffffff)})
	}
	t := w.table(ids, rows)
	h.subs = append(h.subs, nodeEntry{number: nodeAttachments, data: t.data, subs: t.subs})
}

func (a *Attachment) method() uint32 {
	switch {
	case a.Message != nil:
		return 5
	case a.Object != nil:
		return 6
	}
	return 1
}

func (w *writer) attachment(a *Attachment) made {
	h := w.heap(0xBC)
	list := []value{
		w.text(propAttachLong, a.Name), w.text(propName, a.Name), w.text(propAttachType, a.Type), w.text(propAttachID, a.ContentID),
		number(propAttachMethod, a.method()), number(propRenderingAt, 0xffffffff), {propAttachData<<16 | 0x102, a.Data},
	}
	var object made
	switch {
	case a.Message != nil:
		object = w.message(a.Message)
	case a.Object != nil:
		object = made{data: w.data(w.split(a.Object))}
	default:
		return h.properties(list)
	}
	kind := uint32(0x1f)
	if a.Message != nil {
		kind = 4
	}
	b := binary.LittleEndian.AppendUint32(nil, h.sub(kind, object))
	list[len(list)-1] = value{propAttachData<<16 | 0x0d, append(b, 0, 0, 0, 0)}
	return h.properties(list)
}
