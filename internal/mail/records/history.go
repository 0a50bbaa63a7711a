package records

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/rows"
)

// Ask is what the history of one message is looked up by. Addresses are in the
// form in which contacts store them.
type Ask struct {
	Sender, Org, Name string
	Recipients        []string // at most the first four are asked about
	Before            time.Time
}

const (
	maxAsked = 4 // recipients
	// History is read from the latest mails only: more proves nothing more, and every mail of a sender who writes
	// daily would pay for it. The judge asks for six mails of an address, and for twelve mailboxes and more a domain
	// wrote to five times each.
	recentOfSender = 24
	recentOfDomain = 100
	recentOfName   = "64" // written into the statement: SQLite plans worse for a limit it does not know

	byOrg, bySender = "org", "sender" // columns
)

// History tells what the archive knows of a sender from mail dated before.
func (r *Reader) History(ctx context.Context, a Ask) (h mail.History, err error) {
	h.Known = true
	var rcpt [maxAsked]string
	copy(rcpt[:], a.Recipients)
	for i := range rcpt {
		if rcpt[i] == "" {
			rcpt[i] = "\x01" // no address
		}
	}
	before := a.Before.UnixMicro()
	if a.Org != "" {
		t, err := r.seen(ctx, byOrg, a.Org, recentOfDomain, before, a.Recipients)
		if err != nil {
			return h, err
		}
		h.DomainMails, h.DomainReached, h.DomainRecipient, h.DomainFirst = t.mails, t.reached, t.to, t.first
		if h.RepliedDomain, h.Replied, err = r.replied(ctx, a, before, rcpt); err != nil {
			return h, err
		}
	}
	if a.Sender != "" && (a.Org == "" || h.DomainMails > 0) { // nobody of a domain that never wrote has written
		t, err := r.seen(ctx, bySender, a.Sender, recentOfSender, before, a.Recipients)
		if err != nil {
			return h, err
		}
		h.SenderMails, h.SenderReached, h.ToRecipient, h.SenderFirst = t.mails, t.reached, t.to, t.first
	}
	if a.Name != "" && a.Sender != "" {
		h.NameAddresses, h.NameOther, err = r.named(ctx, a, before)
	}
	return h, err
}

// tally is what mail from a sender or an organisation there was: how many, how many
// mailboxes it reached, how many of it some recipients got, and when the first came.
type tally struct {
	mails, reached, to int
	first              time.Time
}

// seen tells what mail from a sender or an organisation there was before a time, of the latest.
func (r *Reader) seen(ctx context.Context, column, key string, limit int, before int64, recipients []string) (t tally, err error) {
	recipients = recipients[:min(len(recipients), maxAsked)]
	list, oldest, ok, err := r.latest(ctx, column, key, limit, before)
	if err != nil || ok {
		return tallyOf(list, oldest, recipients), err
	}
	if t, err = r.seenStored(ctx, column, key, limit, before, recipients); err != nil {
		return t, fmt.Errorf("read the history of a sender: %w", err)
	}
	return t, nil
}

// tallyOf counts contacts in the order of time.
func tallyOf(list []sent, oldest int64, recipients []string) (t tally) {
	if len(list) == 0 {
		return t
	}
	mailboxes := make(map[string]struct{}, len(list))
	for i, s := range list {
		mailboxes[s.recipient] = struct{}{}
		if s.recipient != "" && slices.Contains(recipients, s.recipient) {
			t.to++
		}
		if !again(list, i) {
			t.mails++
		}
	}
	t.reached = len(mailboxes)
	if oldest > 0 {
		t.first = time.UnixMicro(oldest).UTC()
	}
	return t
}

// again tells whether a contact before this one is of the same message: all of one have the same time.
func again(list []sent, i int) bool {
	for j := i - 1; j >= 0 && list[j].time == list[i].time; j-- {
		if list[j].message == list[i].message {
			return true
		}
	}
	return false
}

// seenStored asks the store. All of it comes in one row: stepping through them costs more than
// joining them. What is distinct is counted here: SQLite would build a table for it, even of nothing.
// The limit is written into the statement: SQLite plans worse for one it does not know.
func (r *Reader) seenStored(ctx context.Context, column, key string, limit int, before int64, recipients []string) (t tally, err error) {
	var n int
	var earliest int64
	var messages, mailboxes string
	err = r.q.QueryRowContext(ctx, `SELECT count(*), coalesce(min(time), 0), coalesce(string_agg(CAST(message AS TEXT), ' '), ''), coalesce(string_agg(recipient, ' '), '')
		FROM (SELECT message, recipient, time FROM mail_contact WHERE `+column+`=$1 AND time<$2 ORDER BY time DESC LIMIT `+strconv.Itoa(limit)+`) AS latest`, key, before).Scan(&n, &earliest, &messages, &mailboxes)
	if err == nil && n == limit { // there may be more
		err = r.q.QueryRowContext(ctx, `SELECT min(time) FROM mail_contact WHERE `+column+`=$1 AND time<$2`, key, before).Scan(&earliest)
	}
	if err != nil || n == 0 {
		return t, err
	}
	if earliest > 0 {
		t.first = time.UnixMicro(earliest).UTC()
	}
	distinct := map[string]bool{}
	for recipient := range strings.SplitSeq(mailboxes, " ") { // addresses and keys have no spaces
		distinct[recipient] = true
		if recipient != "" && slices.Contains(recipients, recipient) {
			t.to++
		}
	}
	t.reached = len(distinct)
	clear(distinct)
	for message := range strings.SplitSeq(messages, " ") {
		distinct[message] = true
	}
	t.mails = len(distinct)
	return t, nil
}

// named counts who else used a display name, among the latest mails under it.
func (r *Reader) named(ctx context.Context, a Ask, before int64) (addresses, mails int, err error) {
	answer, err := r.q.QueryContext(ctx, `SELECT sender FROM
		(SELECT sender FROM mail_contact WHERE name=$1 AND name<>'' AND time<$2 ORDER BY time DESC LIMIT `+recentOfName+`) latest WHERE sender<>$3`, // the limit: one sender may have used the name for all of 50,000 mails
		a.Name, before, a.Sender)
	list, err := rows.Strings(answer, err)
	if err != nil {
		return 0, 0, fmt.Errorf("read the history of a sender: %w", err)
	}
	mails = len(list)
	slices.Sort(list)
	return len(slices.Compact(list)), mails, nil
}

func (r *Reader) replied(ctx context.Context, a Ask, before int64, rcpt [maxAsked]string) (domain, sender int, err error) {
	err = r.q.QueryRowContext(ctx,
		`SELECT count(*), coalesce(sum(CASE WHEN recipient=$3 THEN 1 ELSE 0 END),0) FROM
		 (SELECT recipient FROM mail_contact WHERE recipient_org=$1 AND time<$2 AND sender IN ($4,$5,$6,$7) LIMIT 200) t`,
		a.Org, before, a.Sender, rcpt[0], rcpt[1], rcpt[2], rcpt[3]).Scan(&domain, &sender)
	if err != nil {
		err = fmt.Errorf("read the history of a sender: %w", err)
	}
	return domain, sender, err
}

// Thread tells what the archive knows of the mails a message answers.
func (r *Reader) Thread(ctx context.Context, a Ask, messageIDs []string) (t mail.Thread, err error) {
	if len(messageIDs) > 8 {
		messageIDs = messageIDs[len(messageIDs)-8:]
	}
	for _, id := range messageIDs {
		var event, at int64
		err := r.q.QueryRowContext(ctx, `SELECT num, time FROM mail_message WHERE message_id=$1 ORDER BY time LIMIT 1`, id).Scan(&event, &at)
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return t, fmt.Errorf("read a thread: %w", err)
		}
		t.Known = true
		t.Mails++
		if when := time.UnixMicro(at).UTC(); when.After(t.Last) {
			t.Last = when
		}
		if err := r.participants(ctx, event, a, &t); err != nil {
			return t, err
		}
	}
	slices.Sort(t.Domains)
	return t, nil
}

func (r *Reader) participants(ctx context.Context, event int64, a Ask, t *mail.Thread) error {
	answer, err := r.q.QueryContext(ctx, `SELECT sender, org, name, recipient, recipient_org FROM mail_contact WHERE message=$1 ORDER BY recipient LIMIT 50`, event)
	if err != nil {
		return fmt.Errorf("read a thread: %w", err)
	}
	defer answer.Close()
	for answer.Next() {
		var sender, org, name, recipient, recipientOrg string
		if err := answer.Scan(&sender, &org, &name, &recipient, &recipientOrg); err != nil {
			return fmt.Errorf("read a thread: %w", err)
		}
		t.SenderInIt = t.SenderInIt || sender == a.Sender || recipient == a.Sender
		t.DomainInIt = t.DomainInIt || org == a.Org || recipientOrg == a.Org
		if name == a.Name && name != "" && sender != a.Sender {
			t.NameInIt = org
		}
		addDomain(t, org)
		addDomain(t, recipientOrg)
	}
	return answer.Err()
}

func addDomain(t *mail.Thread, org string) {
	if org != "" && len(t.Domains) < 16 && !slices.Contains(t.Domains, org) {
		t.Domains = append(t.Domains, org)
	}
}

// Refresh asks again what the archive knew of the senders when these copies
// came. When a copy was judged, mailboxes read later in the same scan were not
// in the archive yet; comparing must not depend on the order of reading.
func (r *Reader) Refresh(ctx context.Context, copies []mail.Copy) error {
	for i := range copies {
		c := &copies[i]
		a := Ask{Before: c.Time}
		err := r.q.QueryRowContext(ctx, `SELECT sender, org FROM mail_message WHERE id=$1`, rows.Key(c.Event)).Scan(&a.Sender, &a.Org)
		if err != nil {
			return fmt.Errorf("read message %s: %w", c.Event, err)
		}
		for _, to := range c.Recipients {
			if to.Address != "" {
				a.Recipients = append(a.Recipients, to.Address)
			}
		}
		if c.History, err = r.History(ctx, a); err != nil {
			return err
		}
	}
	return nil
}
