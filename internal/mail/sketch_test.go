package mail

import (
	"fmt"
	"strings"
	"testing"
)

const letter = `Dear %s, the committee will look at the side letters to the port contract on Tuesday. ` +
	`We publish tomorrow what they say about members of your parliament, and as a courtesy let those who are named read the passages first. ` +
	`Please follow your own link https://news.example/%s before noon.`

func TestSketchFindsCopies(t *testing.T) {
	a, words := NewSketch(fmt.Sprintf(letter, "Anna Keller", "7ff1a3"))
	b, _ := NewSketch(fmt.Sprintf(letter, "Björn Lindqvist", "19bc22"))
	if words < 40 {
		t.Fatalf("words = %d, want over 40", words)
	}
	if got := a.Likeness(b); got < SameMail {
		t.Errorf("likeness of two copies = %.2f, want at least %.2f", got, SameMail)
	}
	shared := 0
	for i, band := range a.Bands() {
		if b.Bands()[i] == band {
			shared++
		}
	}
	if shared == 0 {
		t.Error("two copies share no band: they would never be compared")
	}
}

func TestSketchTellsMailsApart(t *testing.T) {
	a, _ := NewSketch(fmt.Sprintf(letter, "Anna Keller", "7ff1a3"))
	b, _ := NewSketch("The library is closed on Monday because of the stocktaking. Books can be returned at the gate all day, and the reading room opens again on Tuesday at nine.")
	if got := a.Likeness(b); got >= SameMail {
		t.Errorf("likeness of different mails = %.2f, want under %.2f", got, SameMail)
	}
}

func TestSketchRoundTrip(t *testing.T) {
	a, _ := NewSketch(letter)
	if got := SketchFromBytes(a.Bytes()); got != a {
		t.Errorf("read back %v, want %v", got, a)
	}
}

func FuzzSketch(f *testing.F) {
	f.Add(letter)
	f.Add("\xff\xfe a b c")
	f.Fuzz(func(t *testing.T, text string) {
		s, words := NewSketch(text)
		if words > len(text) {
			t.Fatalf("%d words in %d bytes", words, len(text))
		}
		if s.Likeness(s) != 1 {
			t.Fatal("a text is not like itself")
		}
	})
}

func BenchmarkSketch(b *testing.B) {
	text := strings.Repeat(letter+" ", 10)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		NewSketch(text)
	}
}

// Two senders that use the same form send two mailings.
func TestSketchBySender(t *testing.T) {
	s, _ := NewSketch(letter)
	if got := s.By("a.example").Likeness(s.By("b.example")); got >= SameMail {
		t.Errorf("likeness of two senders' mails = %.2f", got)
	}
	if first, second := s.By("a.example"), s.By("a.example"); first != second {
		t.Error("one sender's sketch differs from itself")
	}
}

// Scripts without spaces: a greeting is not half of the letter.
func TestSketchWithoutSpaces(t *testing.T) {
	text := "尊敬的%s：今天编辑部关注的首先是港口合同的附加协议。委员会从未讨论过这份协议，本报明天将发表其中提到的议员姓名。"
	a, words := NewSketch(fmt.Sprintf(text, "王小明"))
	b, _ := NewSketch(fmt.Sprintf(text, "李建国"))
	if got := a.Likeness(b); got < SameMail || words < 20 {
		t.Errorf("likeness %.2f of %d words, want at least %.2f", got, words, SameMail)
	}
}
