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
		{"בבקשה לשכתו", "לשכת", true},
		{"וגם בוועדה", "ועדה", true},
		{"אשר הלוי", "שר ה", false},
		{"תמיד כאן", "מיד", false},
		{"وبالاجتماع", "اجتماع", true},
		{"مع إسراء", "سرا", false},
		{"기후위원회", "위원회", true},
		{"언급하신 대로", "급하", false},
		{"급하니", "급하", true},
	} {
		if got := says(c.text, []string{c.phrase}) != ""; got != c.want {
			t.Errorf("says(%q, %q) = %v", c.text, c.phrase, got)
		}
	}
	if saysWhole("the example", "mp") || !saysWhole("anna keller mp", "mp") || !saysWhole("mp for the north", "mp") {
		t.Error("whole words are not told from parts")
	}
}

// TestFurtherTongues: ordinary words that begin like a request, or hold one, are none.
func TestFurtherTongues(t *testing.T) {
	for _, text := range []string{
		"anna: ellas iban a la plaza", "ricambio gli auguri", "en ekte venn", "założyć i založit", "anna viberg",
		"יש לנו מידע חשוב ותמיד שנה טובה", "tänan väga", "بالتأكيد هذا سريع", "언급하신 자선 단체의 지급하신 돈",
	} {
		for i, list := range furtherAsks {
			if phrase := says(text, list); phrase != "" {
				t.Errorf("%q %s: %q", text, asks[i].what, phrase)
			}
		}
	}
	for _, text := range []string{"עמית כהן", "با تشکر از همکاری شما", "의원실 귀중", "本会議を傍聴したい"} {
		if phrase := says(text, furtherSelfPhrases); phrase != "" {
			t.Errorf("%q claims a place in the house: %q", text, phrase)
		}
	}
	for _, name := range []string{"אשר הלוי", "Robert V Menelaou"} {
		if claim := officeClaim(name, nil) + saysAny(strings.ToLower(name), behalfPhrases, furtherBehalfPhrases); claim != "" {
			t.Errorf("the name %q claims office: %q", name, claim)
		}
	}
}

func TestWordCount(t *testing.T) {
	for text, want := range map[string]int{"are you there?": 3, "今天能帮我个忙吗": 5, "": 0} {
		if got := wordCount(text); got != want {
			t.Errorf("%q has %d words, want %d", text, got, want)
		}
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
