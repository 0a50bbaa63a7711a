package response

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func whose() Whose {
	return Whose{
		Own:   func(a string) bool { return a == "anna@parliament.example" || a == "anna@home.example" },
		Staff: func(a string) bool { return a == "jo@parliament.example" },
		House: func(a string) bool { return strings.HasSuffix(a, "@parliament.example") },
	}
}

func letter(from string, change func(*Letter)) Letter {
	l := Letter{From: from, To: []string{"anna@parliament.example"}, Time: noon, Subject: "A question", Text: "Dear Anna, one short question."}
	if change != nil {
		change(&l)
	}
	return l
}

func TestContactsInDanger(t *testing.T) {
	form := "We the undersigned ask you to vote against the bill on the river, because the fish and the birds and the people along its banks need clean water now. Yours, "
	letters := []Letter{
		letter("ida@postbox.example", func(l *Letter) { l.FromName, l.Text, l.Files = "Ida Moss", "This must stay between us, please.", 1 }),
		letter("ida@postbox.example", func(l *Letter) { l.Subject = "In confidence" }),
		letter("anna@home.example", func(l *Letter) { l.To = []string{"ida@postbox.example"} }), // she answered
		letter("source@secure.example", func(l *Letter) { l.Encrypted, l.Text = true, "" }),
		letter("peter@mill.example", nil),
		letter("peter@mill.example", func(l *Letter) { l.To = []string{"anna@parliament.example", "all@parliament.example"} }),
		letter("news@shop.example", nil),
		letter("weekly@list.example", func(l *Letter) { l.List = true }),
		letter("robot@bank.example", func(l *Letter) { l.Automatic = true }),
		letter("jo@parliament.example", func(l *Letter) { l.Subject = "in confidence" }),
		letter("olga@parliament.example", nil),
		letter("late@postbox.example", func(l *Letter) { l.Time = noon.Add(time.Hour) }),
		letter("", nil),
	}
	for i := range 6 {
		letters = append(letters, letter(fmt.Sprintf("citizen%d@post%d.example", i, i), func(l *Letter) { l.Text = form + fmt.Sprintf("Citizen %d", i) }))
	}
	who := whose()
	who.Breach = noon
	d := ContactsInDanger(who, slices.Values(letters))
	var order []string
	for _, c := range d.Contacts {
		order = append(order, c.Address)
	}
	equal(t, "order", order, []string{"ida@postbox.example", "source@secure.example", "peter@mill.example", "olga@parliament.example"})
	ida := d.Contacts[0]
	equal(t, "reasons", ida.Reasons, []string{"wrote to you alone: 2 times", "you answered: once", "asked for confidence by its words: 2 times", "sent files: 1", "nobody else writes to you from there"})
	equal(t, "left out", d.Left, Left{Others: 1, Bulk: 3, Form: 6, Staff: 1, Later: 1, Unknown: 1})
	equal(t, "looked at", d.Letters, len(letters))
	for what, page := range map[string]string{"text": d.Text(), "html": htmlOf(t, d)} {
		for _, want := range []string{"For you alone", "Ida Moss", "6 form letters"} {
			if !strings.Contains(page, want) {
				t.Errorf("the %s does not say %q", what, want)
			}
		}
	}
	who.Limit = 1
	d = ContactsInDanger(who, slices.Values(letters))
	equal(t, "limit", []int{len(d.Contacts), d.More}, []int{1, 3})
}

func htmlOf(t *testing.T, d Danger) string {
	t.Helper()
	page, err := d.HTML()
	must(t, err)
	if strings.Contains(string(page), "<script") || strings.Contains(string(page), "href") {
		t.Error("the page holds a script or a link")
	}
	return string(page)
}

// TestContactsOrderOfMail: the answer depends on the letters, not on their order.
func TestContactsOrderOfMail(t *testing.T) {
	var letters []Letter
	for i := range 50 {
		letters = append(letters, letter(fmt.Sprintf("w%d@d%d.example", i%13, i%7), func(l *Letter) { l.Time = noon.Add(time.Duration(i) * time.Hour) }))
	}
	want := ContactsInDanger(whose(), slices.Values(letters))
	slices.Reverse(letters)
	equal(t, "the other way round", ContactsInDanger(whose(), slices.Values(letters)), want)
}

func TestHoldsWord(t *testing.T) {
	for _, c := range []struct {
		text, phrase string
		want         bool
	}{
		{"please, in confidence.", "in confidence", true}, {"within confidences", "in confidence", false},
		{"resource", "source", false}, {"the resource and the source", "source", true}, {"", "source", false},
	} {
		if got := holdsWord(c.text, c.phrase); got != c.want {
			t.Errorf("%q in %q: %v", c.phrase, c.text, got)
		}
	}
}

func FuzzContacts(f *testing.F) {
	f.Add("ida@postbox.example", "Ida\x1b[2J", "text text", 3)
	f.Fuzz(func(t *testing.T, from, name, text string, n int) {
		var letters []Letter
		for range n & 7 {
			letters = append(letters, Letter{From: from, FromName: name, Text: text, To: []string{"anna@home.example"}})
		}
		d := ContactsInDanger(whose(), slices.Values(letters))
		if strings.ContainsRune(d.Text(), 0x1b) || len(d.Contacts) > 1 {
			t.Fatalf("%q", d.Text())
		}
		if _, err := d.HTML(); err != nil {
			t.Fatal(err)
		}
	})
}
