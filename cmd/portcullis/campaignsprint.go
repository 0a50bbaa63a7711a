package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/campaigns"
	"portcullis.example/portcullis/internal/people"
)

func writeJSON(out io.Writer, v any) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func daysText(first, last time.Time) string {
	from, to := dayText(first), dayText(last)
	if from == to {
		return from
	}
	return from + " – " + to
}

func countPeopleText(n int) string {
	switch n {
	case 0:
		return "nobody in the people file"
	case 1:
		return "1 person"
	}
	return thousands(n) + " people"
}

func echoText(s campaigns.Summary) string {
	text := ""
	if s.Echoes > 0 {
		text += fmt.Sprintf(", %s forwarded or reported", thousands(s.Echoes))
	}
	if s.Human {
		text += ", decided on by people"
	}
	return text
}

func printCampaign(out io.Writer, t theme, dir *people.Directory, asked portcullis.ID, c shownCampaign) {
	fmt.Fprintf(out, "%s  %s  version %d\n", t.bold(string(c.ID)), t.severity(c.Severity), c.Version)
	if c.ID != asked {
		fmt.Fprintf(out, "  (%s was merged into it)\n", asked)
	}
	fmt.Fprintf(out, "  %s to %s%s, %s\n", count(c.Events, "mail"), countPeopleText(c.Summary.People), echoText(c.Summary), daysText(c.First, c.Last))
	section := func(title string) { fmt.Fprintln(out, t.bold("\n"+title)) }
	section("Why they belong together")
	printReasons(out, t, c.Reasons)
	section("Mails")
	for _, m := range c.Members {
		note := ""
		if m.Echo {
			note = "  (forwarded or reported)"
		}
		fmt.Fprintf(out, "  %s  %s  %s%s\n", m.Event, m.Time.Format("2 Jan 2006 15:04"), printable(nameAll(dir, m.People)), note)
		if len(m.Why) > 0 {
			printWrapped(out, t, "      ", printable(campaigns.Sentence(m.Why, 3)))
		}
	}
	section("Targets")
	for _, target := range c.Targets {
		fmt.Fprintf(out, "  %s, first %s, %s\n", printable(nameAll(dir, []portcullis.ID{target.Person})), dayText(target.First), count(len(target.Events), "mail"))
	}
	if len(c.Indicators) > 0 {
		section("Indicators")
	}
	for _, i := range c.Indicators {
		told := ""
		if i.Source != "" {
			told = fmt.Sprintf(", named by %s %s", i.Source, i.Marking)
		}
		fmt.Fprintf(out, "  %s  %s, in %d of these mails and %s of %s in all%s\n", printable(i.Observable.String()), i.Role, i.Members, thousands(i.Seen), thousands(i.Of), printable(told))
	}
	if c.Reach != nil {
		section("Beyond these")
		printReach(out, t, dir, *c.Reach)
	}
	if len(c.History) > 0 {
		section("History")
	}
	for _, h := range c.History {
		fmt.Fprintf(out, "  %s  %s\n", h.When.Format("2 Jan 2006 15:04"), printable(historyText(h)))
	}
}

func historyText(h campaigns.Change) string {
	text := h.What
	if h.Num > 0 {
		text = fmt.Sprintf("[%d] %s", h.Num, text)
	}
	switch {
	case h.Other == "":
	case h.What == "split":
		text += "; the other part is " + string(h.Other)
	default:
		text += " with " + string(h.Other)
	}
	if h.Who != "" {
		text += " by " + h.Who + ": " + h.Why
	}
	if h.Undone && h.What != "undone" {
		text += " (taken back)"
	}
	return text
}

func printReasons(out io.Writer, t theme, list []campaigns.Reason) {
	for _, r := range list {
		sign := "+"
		if r.Bits < 0 {
			sign = "-"
		}
		printWrapped(out, t, "  "+sign+" ", printable(r.Text))
	}
}

func printWrapped(out io.Writer, t theme, lead, text string) {
	for i, line := range wrap(text, t.width-len(lead)) {
		if i > 0 {
			lead = strings.Repeat(" ", len(lead))
		}
		fmt.Fprintf(out, "%s%s\n", lead, line)
	}
}

func printReach(out io.Writer, t theme, dir *people.Directory, reach campaigns.Reach) {
	n := 0
	for _, e := range reach.Events {
		if e.Known {
			continue
		}
		n++
		who := cmp.Or(e.Recipient, "recipient not known")
		if e.Person != "" {
			who = nameAll(dir, []portcullis.ID{e.Person})
		}
		fmt.Fprintf(out, "  %s  %s  %s\n", e.Event, e.Time.Format("2 Jan 2006 15:04"), printable(who))
		printWrapped(out, t, "      ", printable(e.Why))
	}
	if n == 0 && len(reach.People) == 0 {
		fmt.Fprintln(out, "  Nothing: all mail with its indicators, or like it, is among the mails above.")
	} else {
		fmt.Fprintf(out, "  %s beyond the known ones; %s reached who were not known\n", count(n, "mail"), countPeopleText(len(reach.People)))
	}
	if reach.Cut {
		fmt.Fprintln(out, "  There is more than was looked at; `portcullis hunt` finds all of one indicator.")
	}
}

func weighingText(w campaigns.Weighing) string {
	text := fmt.Sprintf("Not linked: %.1f bits by what was sent (%.1f are needed), %.1f in all (%.1f)", w.Sent, w.NeedSent, w.Total, w.NeedTotal)
	if w.Linked {
		text = fmt.Sprintf("Linked: %.1f bits by what was sent (%.1f are needed), %.1f in all (%.1f)", w.Sent, w.NeedSent, w.Total, w.NeedTotal)
	}
	if w.Barred != "" {
		text += "; " + w.Barred
	}
	if w.SameCampaign {
		return text + ". They are in one campaign."
	}
	return text + ". They are not in one campaign."
}
