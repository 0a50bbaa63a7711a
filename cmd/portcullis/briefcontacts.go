package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"portcullis.example/portcullis/internal/mail/message"
	"portcullis.example/portcullis/internal/mail/source"
	"portcullis.example/portcullis/internal/observable"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/response"
)

type contactsCommand struct {
	Mailbox []string `arg:"" help:"The member's own mail: files, folders, archives." type:"path"`
	Person  string   `help:"Whose mail it is: name, address or id." required:"" placeholder:"WHO"`
	People  string   `help:"File of protected people. Default: the configuration's." placeholder:"FILE" type:"path"`
	Before  string   `help:"When the mailbox was read by others; later mail does not count." placeholder:"WHEN"`
	Words   []string `help:"Words of confidence in the member's language, instead of the English ones." placeholder:"WORD"`
	Limit   int      `help:"At most so many." default:"200"`
	Format  string   `help:"text or html." enum:"text,html" default:"text"`
	Output  string   `help:"File to write, for its owner's eyes only. Default: standard output." short:"o" placeholder:"FILE" type:"path"`
}

// Help is what `portcullis contacts-in-danger --help` adds.
func (contactsCommand) Help() string {
	return `After somebody has read a member's mailbox: who had written to the member in confidence? Run it with the member, show it to the
member alone. It reads the mail anew each time, opens no data folder and stores nothing.`
}

// Run reads the mailboxes and prints the list.
func (c *contactsCommand) Run(ctx context.Context, std stdio, g *Globals) error {
	cfg, err := loadConfig(g)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	if c.People == "" {
		c.People = cfg.People
	}
	if c.People == "" {
		return exitError{exitIncomplete, errors.New("name the file of protected people with --people: it says which addresses are the member's own and their staff's")}
	}
	who, err := loadPeople(c.People)
	if err != nil {
		return exitError{exitIncomplete, err}
	}
	d := &noticeDesk{dir: who.dir}
	p, err := d.person(c.Person)
	if err != nil {
		return err
	}
	whose := response.Whose{Own: owns(who.dir, p), Staff: worksFor(who.dir, p), House: inHouse(who.dir), Limit: c.Limit}
	for _, w := range c.Words {
		whose.Confiding = append(whose.Confiding, strings.ToLower(w))
	}
	if c.Before != "" {
		if whose.Breach, err = parseWhen("--before", c.Before); err != nil {
			return exitError{exitIncomplete, err}
		}
	}
	return c.answer(ctx, std, who.dir, whose)
}

func (c *contactsCommand) answer(ctx context.Context, std stdio, dir *people.Directory, whose response.Whose) error {
	unread := 0
	var walked error
	danger := response.ContactsInDanger(whose, func(yield func(response.Letter) bool) {
		stop := errors.New("enough")
		walked = source.Walk(ctx, c.Mailbox, source.Config{Stdin: std.in}, func(item source.Item) error {
			if !yield(letterOf(dir, item)) {
				return stop
			}
			return nil
		}, func(p source.Problem) {
			unread++
			fmt.Fprintf(std.err, "%s: %s\n", printable(p.Source), printable(p.Err.Error()))
		})
	})
	if walked != nil {
		return walked
	}
	page := []byte(danger.Text())
	if c.Format == "html" {
		var err error
		if page, err = danger.HTML(); err != nil {
			return err
		}
	}
	if err := writePage(std, c.Output, page); err != nil {
		return err
	}
	if unread > 0 {
		return exitError{exitIncomplete, fmt.Errorf("%s could not be read, so the list may lack somebody", count(unread, "file"))}
	}
	return nil
}

// owns tells the person's own addresses.
func owns(dir *people.Directory, p *people.Person) func(string) bool {
	return func(address string) bool { return slices.Contains(dir.ByAddress(address), p) }
}

// worksFor tells the addresses of those who work for the person, or may write for them.
func worksFor(dir *people.Directory, p *people.Person) func(string) bool {
	return func(address string) bool {
		boss, relation := dir.Whose(address)
		if boss == p && relation != people.Owner {
			return true
		}
		for _, owner := range dir.ByAddress(address) {
			id := strings.TrimPrefix(string(owner.ID), "person:")
			if slices.Contains(p.Staff, id) || slices.Contains(p.Delegates, id) {
				return true
			}
		}
		return false
	}
}

// inHouse tells addresses at the house's own domains.
func inHouse(dir *people.Directory) func(string) bool {
	return func(address string) bool { return dir.OwnDomain(address[strings.LastIndexByte(address, '@')+1:]) }
}

// letterOf is a message as the ranking sees it.
func letterOf(dir *people.Directory, item source.Item) response.Letter {
	m := message.Parse(item.Raw, message.DefaultLimits())
	h := m.Header
	l := response.Letter{Subject: m.Subject(), Text: m.PlainText(), Files: len(m.Attachments())}
	l.Time, _ = h.Date() // undated letters count too
	if from := m.From(); len(from) > 0 {
		l.From, l.FromName = canonicalAddress(from[0].Addr), from[0].Name
		if o := dir.KnownDomain(from[0].Domain); o != nil && o.Kind == people.KindBulk {
			l.Bulk = true
		}
	}
	for _, name := range []string{"To", "Cc", "Bcc"} {
		for _, a := range addressesOf(h, name) {
			l.To = append(l.To, canonicalAddress(a))
		}
	}
	if len(l.To) == 0 { // a blind copy, or no header of its own: whoever delivered it knows
		for _, a := range addressesOf(h, "Delivered-To") {
			l.To = append(l.To, canonicalAddress(a))
		}
	}
	l.List = has(h, "List-Id", "List-Unsubscribe", "List-Post")
	precedence := strings.ToLower(h.Get("Precedence"))
	l.Bulk = l.Bulk || precedence == "bulk" || precedence == "list" || precedence == "junk" || has(h, "Feedback-Id")
	submitted := strings.ToLower(h.Get("Auto-Submitted"))
	l.Automatic = submitted != "" && submitted != "no" || strings.TrimSpace(h.Get("Return-Path")) == "<>"
	l.Encrypted = encrypted(m)
	return l
}

func has(h message.Header, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return h.Get(name) != "" })
}

func canonicalAddress(address string) string {
	if canon, err := observable.Email(address); err == nil {
		return canon
	}
	return strings.ToLower(address)
}

// encrypted tells OpenPGP (RFC 3156 §4, or inline) and S/MIME (RFC 8551 §3.3).
func encrypted(m *message.Message) bool {
	for _, p := range m.Parts {
		switch p.MediaType {
		case "multipart/encrypted":
			return true
		case "application/pkcs7-mime", "application/x-pkcs7-mime":
			if kind := strings.ToLower(p.Params["smime-type"]); kind == "" || strings.HasPrefix(kind, "enveloped") || strings.HasPrefix(kind, "authenveloped") {
				return true
			}
		}
	}
	return strings.Contains(m.PlainText(), "-----BEGIN PGP MESSAGE-----")
}
