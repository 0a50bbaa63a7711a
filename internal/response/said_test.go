package response

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWarningsInNotice: what those who warned the house wrote stands in the notice, once, short, harmless, and
// with the days that it is about.
func TestWarningsInNotice(t *testing.T) {
	hostile := "Call \u202eus\x1b[31m at https://cert.example/x <b>now</b>. " + strings.Repeat("And read on. ", 300)
	reach := anna()
	reach.Events[0].Said = []string{"It told when you read it.", hostile}
	reach.Events[1].Said = []string{"It told when you read it."}
	reach, err := reach.tidy(noon)
	if err != nil {
		t.Fatal(err)
	}
	d, err := office(t).Notice(approvedNotice(reach))
	if err != nil {
		t.Fatal(err)
	}
	items := slices.DeleteFunc(slices.Clone(d.Sections[0].Items), func(s string) bool { return !strings.Contains(s, "warned us wrote") })
	if len(items) != 2 {
		t.Fatalf("%d warnings: %q", len(items), items)
	}
	if want := "Those who warned us wrote: “It told when you read it.”"; items[0] != want {
		t.Errorf("%q, want %q", items[0], want)
	}
	if !strings.HasPrefix(items[1], "About the message of 3 March 2026, those who warned us wrote: ") || len([]rune(items[1])) > saidLength+100 {
		t.Errorf("%d characters: %q", len([]rune(items[1])), items[1])
	}
	for _, not := range []string{"https://", "\x1b", "\u202e"} {
		if strings.Contains(items[1], not) {
			t.Errorf("the warning still holds %q: %q", not, items[1])
		}
	}
	if d.lines() > pageLines {
		t.Errorf("the notice has %d lines, more than a page", d.lines())
	}
}

// TestWarningsAreApproved: an approval is about what was warned of, too.
func TestWarningsAreApproved(t *testing.T) {
	plain, warned := anna(), anna()
	before := plain.digest()
	warned.Events = slices.Clone(warned.Events)
	warned.Events[0].Said = []string{"It told when you read it."}
	if warned.digest() == before {
		t.Error("a warning that is added needs no other approval")
	}
	long := Received{Said: slices.Repeat([]string{strings.Repeat("é", maxText)}, 3*maxSaid)}.tidy()
	if len(long.Said) != maxSaid || len(long.Said[0]) > maxText {
		t.Errorf("%d warnings of %d bytes are kept", len(long.Said), len(long.Said[0]))
	}
}

// TestSelfCheckSaysAll: nobody but the person has what was sealed for them, so all of it stands there; and so does why
// something could not be read.
func TestSelfCheckSaysAll(t *testing.T) {
	text := strings.TrimSpace(strings.Repeat("A sentence of the warning. ", 100))
	check := SelfCheck{Messages: 12_345, Unread: 1, Why: []string{"a.pst: encrypted\x1b[2J"}, Ordinary: 3, Events: []Received{
		{Event: "event:1", Time: noon, Said: []string{text}}, {Event: "event:2", Time: noon.Add(24 * time.Hour)},
	}}
	d, err := office(t).SelfCheck(check)
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(d.Text()), " ")
	for _, want := range []string{"About the message of 9 March 2026, whoever made the sealed list wrote: “" + text, "12,345 messages", "One place could not be read", "a[.]pst: encrypted", "3 more messages look like phishing"} {
		if !strings.Contains(page, want) {
			t.Errorf("it does not say %.80q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "\x1b") {
		t.Error("a name acts on the terminal")
	}
}
