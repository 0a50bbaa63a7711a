package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	sealed "portcullis.example/portcullis/internal/pack"
)

// tell reports.
func (h *packHunt) tell(format string, list []packHunted) error {
	if format == "json" {
		_, err := fmt.Fprintf(h.std.out, "%s\n", visibleJSON(map[string]any{"schema": 1, "packs": list}))
		return err
	}
	if len(list) == 0 {
		fmt.Fprintln(h.std.out, "No pack is kept that may still be used. `portcullis hunt --pack FILE` hunts with one and keeps it.")
	}
	for _, one := range list {
		printHunted(h.std.out, one)
	}
	return nil
}

func printHunted(out io.Writer, r packHunted) {
	t := newTheme(out)
	fmt.Fprintf(out, "%s\n", t.bold(printable(fmt.Sprintf("%s: %s", r.Header.Issuer, r.Header.For))))
	fmt.Fprintf(out, "%s, until %s. %s tested, %s of them now.\n", r.Header.TLP, r.Header.Until.Format("2 Jan 2006"), count(r.Tested, "value"), thousands(r.New))
	if len(r.Blind) > 0 {
		fmt.Fprintf(out, "It also holds %s. Other people's addresses, subjects and message ids are stored keyed here and cannot be tested; `portcullis check-me` on an export can.\n", blindWords(r.Blind))
	}
	taken := 0
	for _, f := range r.Found {
		if f.State == sealed.Taken {
			taken++
		} else {
			fmt.Fprintf(out, "Set aside, nobody was told: %s: %s. Ask the issuer.\n", printable(f.Pattern.String()), printable(f.Why))
		}
	}
	if taken == 0 {
		fmt.Fprintf(out, "Nothing of it is in any stored mail.\n\n")
		return
	}
	fmt.Fprintf(out, "%s of it in %s to %s:\n", thousands(taken), count(r.Mails, "mail"), countPeopleText(len(r.People)))
	for _, p := range r.People {
		fmt.Fprintf(out, "  %s  %s, %s; %s drafted\n", t.bold(printable(p.Name)), count(p.Mails, "mail"), span(p.First, p.Last), count(len(p.Notices), "notice"))
	}
	if r.Unknown > 0 {
		fmt.Fprintf(out, "  %s to nobody in the people file\n", count(r.Unknown, "mail"))
	}
	printWords(out, r)
	fmt.Fprintf(out, "The values are kept as indicators under %s: later mail is matched as it is scanned. `portcullis notices` lists the notices; each needs somebody's approval. Nothing was sent, and the issuer learns nothing of this unless you write a receipt (portcullis pack receipt) and send it.\n\n", r.Header.TLP)
}

func blindWords(kinds []sealed.Kind) string {
	words := map[sealed.Kind]string{sealed.KindEmail: "addresses", sealed.KindSubject: "subjects", sealed.KindMessageID: "message ids"}
	var list []string
	for _, k := range kinds {
		list = append(list, words[k])
	}
	return strings.Join(list, ", ")
}

// printWords prints what the issuer had to say, each text once with what it is about.
func printWords(out io.Writer, r packHunted) {
	t := newTheme(out)
	about := map[string][]string{}
	var texts []string
	for _, f := range r.Found {
		if f.State != sealed.Taken {
			continue
		}
		if about[f.Text] == nil {
			texts = append(texts, f.Text)
		}
		about[f.Text] = append(about[f.Text], f.Pattern.String())
	}
	for _, text := range texts {
		fmt.Fprintf(out, "\n  %s\n", t.bold(printable(strings.Join(about[text], ", "))))
		for line := range strings.Lines(cmp.Or(text, "The issuer says nothing about it.")) {
			fmt.Fprintf(out, "    %s\n", printable(strings.TrimRight(line, "\n")))
		}
	}
	fmt.Fprintln(out)
}
