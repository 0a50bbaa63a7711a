package checkme

import (
	"net/http"
	"slices"
	"strings"
)

// entries are what a person put into the form, as it was put in.
type entries struct {
	Mailboxes        []string // ticked
	Other            string
	Pack, OtherPack  string
	Issuer, Personal string // the issuer's key; the person's own addresses
}

// choosing is what the form shows.
type choosing struct {
	Why string // what was wrong with what was entered
	Was entries
}

// Ticked tells whether a mailbox was ticked before.
func (c choosing) Ticked(path string) bool { return slices.Contains(c.Was.Mailboxes, path) }

func entered(r *http.Request) entries {
	return entries{
		Mailboxes: r.PostForm["mailbox"], Other: unquoted(r.PostFormValue("other")), Pack: strings.TrimSpace(r.PostFormValue("pack")),
		OtherPack: unquoted(r.PostFormValue("otherpack")), Issuer: strings.TrimSpace(r.PostFormValue("issuer")), Personal: strings.TrimSpace(r.PostFormValue("addresses")),
	}
}

// request is what the entries ask for, or why they cannot be meant so.
func (e entries) request() (r Request, why string) {
	r = Request{Mailboxes: slices.Clone(e.Mailboxes), Pack: e.Pack, Issuer: e.Issuer}
	if e.Other != "" {
		r.Mailboxes = append(r.Mailboxes, e.Other)
	}
	if e.OtherPack != "" {
		r.Pack = e.OtherPack
	}
	r.Addresses = strings.FieldsFunc(e.Personal, func(c rune) bool { return c == ',' || c == ';' || c == ' ' || c == '\n' || c == '\r' })
	switch {
	case len(r.Mailboxes) == 0:
		return r, "Choose at least one mailbox, or write where yours lies."
	case r.Issuer != "" && r.Pack == "":
		// Whoever has a key was given a list. An answer without it would look like good news.
		return r, "You gave the key of a list and chose no list. Choose the list, or take the key out."
	}
	return r, ""
}

// unquoted is a path as people paste it: with quotes around it, as file managers copy it.
func unquoted(path string) string { return strings.Trim(strings.TrimSpace(path), `"'`) }
