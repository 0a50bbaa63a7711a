package tnef_test

import (
	"bytes"
	"testing"

	"portcullis.example/portcullis/internal/mail/tnef"
	"portcullis.example/portcullis/internal/mail/tnef/tneftest"
)

// invent writes a stream with everything in it that the reader knows.
func invent() *tneftest.Stream {
	inner := tneftest.New().Subject("Minutes").From("Office", "office@partner.example").Properties(tneftest.Text(0x1000, "What was said.")).
		Attach("annex.txt", []byte("annex"))
	return tneftest.New().Class("IPM.Note").Subject("Budget").From("Anna Adler", "anna@house.example").Sent(2026, 3, 1, 12, 30, 15).
		Properties(tneftest.Text(0x1035, "<1@house.example>"), tneftest.Named(1, "Keywords", "budget"), tneftest.Numbers(0x3FFE, 1, 2, 3), tneftest.Integer(0x0017, 2),
			tneftest.Text8(0x0070, "Bu"), tneftest.Binary(0x1013, []byte("<a href=https://page.example/>"))).
		Recipients([][]byte{tneftest.Text(0x3001, "Bela"), tneftest.Text(0x39FE, "bela@house.example"), tneftest.Integer(0x0C15, 1)}, [][]byte{tneftest.Text(0x39FE, "carla@house.example")}).
		Attach("PLAN~1.DOC", []byte("the plan"), tneftest.Text(0x3707, "plan for März.doc"), tneftest.Text8(0x370E, "application/msword")).
		Attach("", nil, tneftest.Text8(0x3001, "Minutes"), tneftest.Integer(0x3705, 5), tneftest.Message(inner)).
		Attach("", nil, tneftest.Storage([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on")))
}

func TestRead(t *testing.T) {
	m, err := tnef.Read(invent().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for tag, want := range map[uint32]string{
		tnef.TagSubject: "Budget", tnef.TagMessageClass: "IPM.Note", tnef.TagSenderName: "Anna Adler", tnef.TagSenderType: "SMTP",
		tnef.TagSenderMail: "anna@house.example", 0x0070001E: "Bu", tnef.TagHTML: "<a href=https://page.example/>",
	} {
		if got := string(m.Stream(tag)); got != want {
			t.Errorf("%#x is %q, want %q", tag, got, want)
		}
	}
	if v, ok := m.Fixed(0x00170003); !ok || v[0] != 2 {
		t.Errorf("a number is %v, %v", v, ok)
	}
	if v, ok := m.Fixed(tnef.TagSubmitted); !ok || v == [8]byte{} {
		t.Error("there is no time")
	}
	if len(m.Recipients) != 2 || string(m.Recipients[1].Stream(0x39FE001F)) != "c\x00a\x00r\x00l\x00a\x00@\x00h\x00o\x00u\x00s\x00e\x00.\x00e\x00x\x00a\x00m\x00p\x00l\x00e\x00" {
		t.Errorf("%d recipients", len(m.Recipients))
	}
	if len(m.Attachments) != 3 {
		t.Fatalf("%d attachments", len(m.Attachments))
	}
	plan, minutes, object := m.Attachments[0], m.Attachments[1], m.Attachments[2]
	if name, wide := plan.Name(); !wide || string(plan.Data) != "the plan" || !bytes.HasPrefix(name, []byte("p\x00l\x00")) {
		t.Errorf("the plan is %q with %q", name, plan.Data)
	}
	inner, err := tnef.Read(minutes.Embedded)
	if err != nil || string(inner.Stream(tnef.TagSubject)) != "Minutes" || len(inner.Attachments) != 1 || string(inner.Attachments[0].Data) != "annex" {
		t.Errorf("the attached message is %+v, %v", inner, err)
	}
	if !bytes.HasPrefix(object.Storage, []byte("\xd0\xcf")) {
		t.Errorf("the object is %q", object.Storage)
	}
}

// TestDamaged cuts a stream anywhere: what came before the cut is read, and that it was cut is said.
func TestDamaged(t *testing.T) {
	whole := invent().Bytes()
	most, unnoticed := 0, 0
	for n := range whole {
		m, err := tnef.Read(whole[:n])
		if m == nil {
			t.Fatalf("nothing after %d bytes", n)
		}
		if len(m.Attachments) < most {
			t.Fatalf("%d attachments after %d bytes, %d after fewer", len(m.Attachments), n, most)
		}
		if most = len(m.Attachments); err == nil {
			unnoticed++
		}
	}
	if unnoticed > 20 { // a cut between two attributes does not show: no end is marked
		t.Errorf("%d cuts go unnoticed", unnoticed)
	}
	for what, b := range map[string][]byte{
		"a length beyond all":   append(whole[:len(whole):len(whole)], 2, 0x0f, 0x80, 6, 0, 0xff, 0xff, 0xff, 0xff, 1, 1),
		"a level there is not":  append(whole[:len(whole):len(whole)], 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		"no winmail.dat at all": []byte("Hello"),
	} {
		if _, err := tnef.Read(b); err == nil {
			t.Errorf("%s goes unnoticed", what)
		}
	}
	many := tneftest.New()
	for range 1100 {
		many.Attach("x", []byte("x"))
	}
	if m, err := tnef.Read(many.Bytes()); err == nil || len(m.Attachments) != 1000 {
		t.Errorf("of 1100 attachments %d are read: %v", len(m.Attachments), err)
	}
}

// TestUnpackRTF is the example of MS-OXRTFCP §3.1.
func TestUnpackRTF(t *testing.T) {
	in := []byte{0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00, 0x0a, 0x00, 0x72, 0x63, 0x70, 0x67,
		0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09, 0x00, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0}
	out, err := tnef.UnpackRTF(in, 1<<20)
	if want := "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"; err != nil || string(out) != want {
		t.Errorf("%q, %v", out, err)
	}
}

// FuzzRead holds that what is returned is no more than what was given.
func FuzzRead(f *testing.F) {
	f.Add(invent().Bytes())
	f.Add(tneftest.New().Bytes())
	f.Add([]byte(tnef.Signature))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := tnef.Read(b)
		sum := 0
		for i := range m.Attachments {
			a := &m.Attachments[i]
			name, _ := a.Name()
			sum += len(name)
			if len(a.Data) > len(b) || len(a.Embedded) > len(b) || len(a.Storage) > len(b) {
				t.Fatal("an attachment is larger than what holds it")
			}
			if inner, _ := tnef.Read(a.Embedded); inner == nil {
				t.Fatal("nothing is returned")
			}
		}
		if sum > 2*len(b) || err == nil && len(b) < 6 {
			t.Fatalf("%d bytes of names out of %d, %v", sum, len(b), err)
		}
	})
}
