package mail

import (
	"strings"
	"testing"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail/message"
)

func TestWriting(t *testing.T) {
	w := newWriting("Re: Papers", "Dear Björn,\n\nplease read this before noon.\n\nAnna Keller\nMember of Parliament\n\nOn 3 March, Björn Lindqvist wrote:\n> our bank details have changed\n> Björn Lindqvist\n> Minister")
	if !w.quoted {
		t.Error("the quotation was not seen")
	}
	if strings.Contains(w.text, "bank") || strings.Contains(w.signature, "minister") {
		t.Errorf("what is quoted counts as the writer's own: %q", w.text)
	}
	if w.signature != "anna keller\nmember of parliament" {
		t.Errorf("signature %q", w.signature)
	}
}

func TestSays(t *testing.T) {
	for _, c := range []struct {
		text, phrase string
		want         bool
	}{
		{"it is urgent", "urgent", true},
		{"insurgents", "urgent", false},
		{"urgently", "urgent", true},
		{"请尽快回复", "尽快", true},
		{"", "urgent", false},
	} {
		if got := says(c.text, []string{c.phrase}) != ""; got != c.want {
			t.Errorf("says(%q, %q) = %v", c.text, c.phrase, got)
		}
	}
	if saysWhole("the example", "mp") || !saysWhole("anna keller mp", "mp") || !saysWhole("mp for the north", "mp") {
		t.Error("whole words are not told from parts")
	}
}

func TestFacelessLocal(t *testing.T) {
	for local, want := range map[string]bool{"private.desk41": true, "office": true, "12345": true, "anna.keller": false, "akeller.office": false, "": false} {
		if got := facelessLocal(local); got != want {
			t.Errorf("facelessLocal(%q) = %v", local, got)
		}
	}
}

func TestOddLetters(t *testing.T) {
	for name, want := range map[string]bool{"Аnna Keller": true, "Anna Keller": false, "Анна Келлер": false, "Anna Келлер": false, "Mɑria Rossi": true} {
		if got := mixedLetters(name); got != want {
			t.Errorf("mixedLetters(%q) = %v", name, got)
		}
	}
	for name, want := range map[string]bool{"Anna Kel\u200bler": true, "Anna Keller": false, "Anna 👩‍🚀": false} {
		if got := unseen(name); got != want {
			t.Errorf("unseen(%q) = %v", name, got)
		}
	}
}

func FuzzWriting(f *testing.F) {
	f.Add("Re: x", "Hello\n> quoted\nOn Monday, X wrote:\nGB82 WEST 1234 5698 7654 32")
	f.Add("\xff", "\xc2")
	f.Fuzz(func(t *testing.T, subject, body string) {
		w := newWriting(subject, body)
		if !strings.HasSuffix(w.text, w.signature) {
			t.Errorf("the signature %q is not the end of %q", w.signature, w.text)
		}
		var s scale
		askWeight(&s, w.text)
		if s.tenths > askLimit {
			t.Errorf("asks weigh %d, want at most %d", s.tenths, askLimit)
		}
		if n := findIBAN(body); n.valid && !strings.Contains(body, n.text) {
			t.Errorf("account number %q is not in the text", n.text)
		}
	})
}

// A judge without people protects nobody and does not fall over.
func TestJudgeWithoutPeople(t *testing.T) {
	m := message.Parse([]byte("From: Anna Keller <a@b.example>\nSubject: Hello\n\nHello\n"), message.Limits{})
	v := NewJudge(nil, DefaultConfig(), nil).Judge(m, &Facts{Event: "event:x"})
	for _, f := range v.Findings {
		if f.Attention == portcullis.Targeted {
			t.Errorf("targeted without anybody to target: %s", f.Summary)
		}
	}
}
