package source

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"portcullis.example/portcullis/internal/mail/tnef"
	"portcullis.example/portcullis/internal/mail/tnef/tneftest"
)

// withWinmail is a letter with a winmail.dat.
func withWinmail(kind string, b []byte) []byte {
	return []byte("From: anna@house.example\r\nSubject: outer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\n" +
		"Content-Type: " + kind + "; name=\"winmail.dat\"\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString(b) + "\r\n--b--\r\n")
}

// TestAttachedInWinmail takes messages out of a winmail.dat: those attached as messages of Outlook, with what is attached to them in turn, and files.
func TestAttachedInWinmail(t *testing.T) {
	deepest := tneftest.New().Subject("deepest").From("Office", "office@partner.example").Attach("note.txt", []byte("a note"))
	inner := tneftest.New().Subject("inner").From("Carla", "carla@partner.example").Sent(2026, 3, 1, 12, 30, 15).
		Recipients([][]byte{tneftest.Text(0x3001, "Bela"), tneftest.Text(0x39FE, "bela@house.example"), tneftest.Integer(0x0C15, 1)}).
		Properties(tneftest.Text(0x1000, "What März was.")).
		Attach("", nil, tneftest.Text8(0x3001, "deepest"), tneftest.Integer(0x3705, 5), tneftest.Message(deepest))
	stream := tneftest.New().
		Attach("a.txt", []byte("no message")).
		Attach("", nil, tneftest.Text8(0x3001, "inner"), tneftest.Integer(0x3705, 5), tneftest.Message(inner)).
		Attach("REPORT~1.EML", []byte(eml("reported")), tneftest.Text(0x3707, "reported für uns.eml")).
		Bytes()
	for _, kind := range []string{"application/ms-tnef", "application/vnd.ms-tnef", "application/octet-stream"} {
		list, err := Attached(Item{Source: "in.mbox", Raw: withWinmail(kind, stream)}, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, item := range list {
			got = append(got, fmt.Sprintf("%s %s %v", item.Source, subjectOf(item.Raw), item.Rebuilt))
		}
		want := []string{"in.mbox#2!inner inner true", "in.mbox#2!inner.2 deepest false", "in.mbox#2!reported für uns.eml reported false"}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: got\n%s\nwant\n%s", kind, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for _, part := range []string{"carla@partner.example", "bela@house.example", "01 Mar 2026 12:30:15", "What M=C3=A4rz was."} {
			if len(list) > 0 && !bytes.Contains(list[0].Raw, []byte(part)) {
				t.Errorf("%q is missing in\n%s", part, list[0].Raw)
			}
		}
	}
}

// TestWinmailWithoutEnd has messages within messages, and streams within streams, deeper than are taken out.
func TestWinmailWithoutEnd(t *testing.T) {
	messages, files := tneftest.New().Subject("0"), tneftest.New()
	for i := range 40 {
		messages = tneftest.New().Subject(fmt.Sprint(i+1)).Attach("", nil, tneftest.Integer(0x3705, 5), tneftest.Message(messages))
		files = tneftest.New().Attach("winmail.dat", files.Bytes())
	}
	for _, stream := range []*tneftest.Stream{messages, files} {
		list, err := Attached(Item{Source: "in.mbox", Raw: withWinmail("application/ms-tnef", stream.Bytes())}, 1<<20)
		if !errors.Is(err, errNestedBound) || len(list) > maxNestedDepth+1 {
			t.Errorf("%d messages, %v", len(list), err)
		}
	}
	big := tneftest.New()
	for i := range 30 {
		big.Attach("a.eml", append([]byte(eml(fmt.Sprint(i))), bytes.Repeat([]byte("x"), 1000)...))
	}
	list, err := Attached(Item{Source: "in.mbox", Raw: withWinmail("application/ms-tnef", big.Bytes())}, 50_000)
	if err != nil || len(list) != 30 {
		t.Errorf("%d messages, %v", len(list), err)
	}
	if list, err = Attached(Item{Source: "in.mbox", Raw: withWinmail("application/ms-tnef", big.Bytes())}, 10_000); !errors.Is(err, errNestedBound) && len(list) > 10 {
		t.Errorf("%d messages, %v", len(list), err)
	}
}

// FuzzWinmail holds what is taken out of a winmail.dat within its bounds.
func FuzzWinmail(f *testing.F) {
	f.Add(tneftest.New().Subject("s").Attach("", nil, tneftest.Message(tneftest.New().Subject("inner"))).Attach("a.eml", []byte(eml("x"))).Bytes())
	f.Add([]byte(tnef.Signature + "\x01\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, _ := Attached(Item{Source: "x", Raw: withWinmail("application/ms-tnef", b)}, 1<<20)
		sum := 0
		for _, item := range list {
			sum += len(item.Raw)
		}
		if sum > 1<<20 || len(list) > maxNested {
			t.Fatalf("%d messages of %d bytes", len(list), sum)
		}
	})
}
