package attach

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/tnef/tneftest"
)

// packedRTF is RTF as Outlook keeps it, not compressed (MS-OXRTFCP §2.1.3.1).
func packedRTF(text string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(text)+12))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(text)))
	b = append(b, "MELA\x00\x00\x00\x00"...)
	return append(b, text...)
}

func TestTNEF(t *testing.T) {
	inner := tneftest.New().Attach("run.js", []byte("new ActiveXObject('WScript.Shell').Run('cmd')"))
	stream := tneftest.New().
		Properties(tneftest.Binary(0x1013, []byte(`<html><body><a href="https://html.example/x">here</a></body></html>`)),
			tneftest.Binary(0x1009, packedRTF(`{\rtf1 {\field{\*\fldinst HYPERLINK "https://rtf.example/y"}}}`)), tneftest.Text(0x1000, "see https://plain.example/z")).
		Attach("BILL~1.VBS", []byte("MsgBox 1"), tneftest.Text(0x3707, "bill.pdf.vbs")).
		Attach("", nil, tneftest.Text8(0x3001, "Forwarded"), tneftest.Message(inner)).
		Attach("list.zip", zipOf(t, file{"a.exe", "MZ" + strings.Repeat("\x00", 100)}))
	r := Inspect("winmail.dat", "application/ms-tnef", stream.Bytes(), NewBudget(DefaultLimits()))
	if r.Type != "tnef" || len(r.Incomplete) > 0 {
		t.Errorf("type %s, incomplete %q", r.Type, r.Incomplete)
	}
	for _, kind := range []string{KindScript, KindDoubleExtension, KindExecutable} {
		if !r.Has(kind) {
			t.Errorf("%s is missing in %+v", kind, r.Traits)
		}
	}
	for _, path := range []string{"winmail.dat!bill.pdf.vbs", "winmail.dat!attachment 2!run.js", "winmail.dat!list.zip!a.exe", "winmail.dat!body.html", "winmail.dat!body.rtf"} {
		if !slices.ContainsFunc(r.Members, func(m Member) bool { return m.Path == path }) {
			t.Errorf("%s is not among %+v", path, r.Members)
		}
	}
	for _, want := range []string{"https://html.example/x", "https://rtf.example/y", "https://plain.example/z"} {
		if !slices.ContainsFunc(r.URLs, func(u URL) bool { return u.URL == want }) {
			t.Errorf("%s is not among %+v", want, r.URLs)
		}
	}
	cut := stream.Bytes()
	r = Inspect("winmail.dat", "", cut[:len(cut)-200], NewBudget(DefaultLimits()))
	if len(r.Incomplete) == 0 || !r.Has(KindDoubleExtension) {
		t.Errorf("cut off: %q, %+v", r.Incomplete, r.Traits)
	}
}

// TestTNEFLimits has messages within messages without end, and more attachments than are looked at.
func TestTNEFLimits(t *testing.T) {
	stream := tneftest.New().Attach("end.txt", []byte("end"))
	for range 12 {
		stream = tneftest.New().Attach("", nil, tneftest.Message(stream))
	}
	r := Inspect("winmail.dat", "", stream.Bytes(), NewBudget(DefaultLimits()))
	if !slices.ContainsFunc(r.Incomplete, func(s string) bool { return strings.Contains(s, "nested deeper") }) {
		t.Errorf("twelve layers: %q", r.Incomplete)
	}
	many := tneftest.New()
	for range 900 {
		many.Attach("x.txt", []byte("x"))
	}
	r = Inspect("winmail.dat", "", many.Bytes(), NewBudget(Limits{Members: 10}))
	if !slices.ContainsFunc(r.Incomplete, func(s string) bool { return strings.Contains(s, "more than 10 members") }) || len(r.Members) != 10 {
		t.Errorf("900 attachments: %d members, %q", len(r.Members), r.Incomplete)
	}
}
