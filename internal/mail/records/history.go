package records

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"portcullis.example/portcullis/internal/mail"
)

// Ask is what the history of one message is looked up by. Addresses are in the
// form in which contacts store them.
type Ask struct {
	Sender, Org, Name string
	Recipients        []string // at most the first four are asked about
	Before            time.Time
}

const recent = 200 // history is read from the latest mails only; more proves nothing more and costs time

// History tells what the archive knows of a sender from mail dated before.
func (r *Reader) History(ctx context.Context, a Ask) (h mail.History, err error) {
	h.Known = true
	var rcpt [4]string
	copy(rcpt[:], a.Recipients)
	for i := range rcpt {
		if rcpt[i] == "" {
			rcpt[i] = "\x01" // no address
		}
	}
	before := a.Before.UnixMicro()
	if a.Org != "" {
		h.DomainMails, h.DomainReached, h.DomainRecipient, h.DomainFirst, err = r.seen(ctx, byOrg, a.Org, before, rcpt)
		if err != nil {
			return h, err
		}
		if h.RepliedDomain, h.Replied, err = r.replied(ctx, a, before, rcpt); err != nil {
			return h, err
		}
	}
	if a.Sender != "" && (a.Org == "" || h.DomainMails > 0) { // nobody of a domain that never wrote has written
		h.SenderMails, h.SenderReached, h.ToRecipient, h.SenderFirst, err = r.seen(ctx, bySender, a.Sender, before, rcpt)
		if err != nil {
			return h, err
		}
	}
	if a.Name != "" && a.Sender != "" {
		err = r.q.QueryRowContext(ctx,
			`SELECT count(DISTINCT sender), count(*) FROM (SELECT sender FROM
				(SELECT sender FROM mail_contact WHERE name=$1 AND time<$2 ORDER BY time DESC LIMIT 1000) latest WHERE sender<>$3 LIMIT 200) t`, // the inner limit: one sender may have used the name for all of 50,000 mails
			a.Name, before, a.Sender).Scan(&h.NameAddresses, &h.NameOther)
	}
	if err != nil {
		return h, fmt.Errorf("read the history of a sender: %w", err)
	}
	return h, nil
}

const (
	seenSelect = `SELECT count(DISTINCT message), count(DISTINCT recipient), coalesce(sum(CASE WHEN recipient IN ($3,$4,$5,$6) THEN 1 ELSE 0 END),0), `
	bySender   = seenSelect + `coalesce((SELECT min(time) FROM mail_contact WHERE sender=$1 AND time<$2),0) FROM
		(SELECT message, recipient FROM mail_contact WHERE sender=$1 AND time<$2 ORDER BY time DESC LIMIT 200) t`
	byOrg = seenSelect + `coalesce((SELECT min(time) FROM mail_contact WHERE org=$1 AND time<$2),0) FROM
		(SELECT message, recipient FROM mail_contact WHERE org=$1 AND time<$2 ORDER BY time DESC LIMIT 200) t`
)

func (r *Reader) seen(ctx context.Context, query, key string, before int64, rcpt [4]string) (mails, reached, to int, first time.Time, err error) {
	var micros int64
	err = r.q.QueryRowContext(ctx, query, key, before, rcpt[0], rcpt[1], rcpt[2], rcpt[3]).Scan(&mails, &reached, &to, &micros)
	if err != nil {
		return 0, 0, 0, first, fmt.Errorf("read the history of a sender: %w", err)
	}
	if micros > 0 {
		first = time.UnixMicro(micros).UTC()
	}
	return min(mails, recent), reached, to, first, nil
}

func (r *Reader) replied(ctx context.Context, a Ask, before int64, rcpt [4]string) (domain, sender int, err error) {
	err = r.q.QueryRowContext(ctx,
		`SELECT count(*), coalesce(sum(CASE WHEN recipient=$3 THEN 1 ELSE 0 END),0) FROM
		 (SELECT recipient FROM mail_contact WHERE recipient_org=$1 AND time<$2 AND sender IN ($4,$5,$6,$7) LIMIT 200) t`,
		a.Org, before, a.Sender, rcpt[0], rcpt[1], rcpt[2], rcpt[3]).Scan(&domain, &sender)
	return domain, sender, err
}

// Thread tells what the archive knows of the mails a message answers.
func (r *Reader) Thread(ctx context.Context, a Ask, messageIDs []string) (t mail.Thread, err error) {
	if len(messageIDs) > 8 {
		messageIDs = messageIDs[len(messageIDs)-8:]
	}
	for _, id := range messageIDs {
		var event string
		var at int64
		err := r.q.QueryRowContext(ctx, `SELECT id, time FROM mail_message WHERE message_id=$1 ORDER BY time LIMIT 1`, id).Scan(&event, &at)
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

func (r *Reader) participants(ctx context.Context, event string, a Ask, t *mail.Thread) error {
	rows, err := r.q.QueryContext(ctx, `SELECT sender, org, name, recipient, recipient_org FROM mail_contact WHERE message=$1 ORDER BY recipient LIMIT 50`, event)
	if err != nil {
		return fmt.Errorf("read a thread: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var sender, org, name, recipient, recipientOrg string
		if err := rows.Scan(&sender, &org, &name, &recipient, &recipientOrg); err != nil {
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
	return rows.Err()
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
		err := r.q.QueryRowContext(ctx, `SELECT sender, org FROM mail_message WHERE id=$1`, c.Event).Scan(&a.Sender, &a.Org)
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
