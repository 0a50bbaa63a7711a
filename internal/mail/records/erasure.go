package records

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/rows"
)

// Erasure says who is to be erased: the addresses in clear and in the form in
// which they are stored, and every name the person goes by.
type Erasure struct {
	Person           portcullis.ID
	Addresses, Names []string
}

// Erase removes a person: deliveries to them, what they wrote and received,
// every message that reached nobody else, and every finding about them alone.
// Messages that others got too stay, without a trace of this person: their bytes,
// earlier revisions and facts go, so that they cannot be replayed any more.
func (w *Writer) Erase(ctx context.Context, e Erasure) (removed, kept []portcullis.ID, err error) {
	messages, err := w.concerning(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	if err := w.eraseComparisons(ctx, messages); err != nil {
		return nil, nil, err
	}
	for _, id := range messages {
		gone, err := w.eraseFrom(ctx, id, e)
		if err != nil {
			return nil, nil, err
		}
		if gone {
			removed = append(removed, id)
		} else {
			kept = append(kept, id)
		}
	}
	return removed, kept, errors.Join(w.eraseInputs(ctx, e), w.eraseSources(ctx, e))
}

// concerning lists the messages that have to do with the person.
func (w *Writer) concerning(ctx context.Context, e Erasure) ([]portcullis.ID, error) {
	messages, err := w.ids(ctx, `SELECT id FROM mail_message WHERE num IN
		(SELECT message FROM mail_delivery WHERE person=$1 UNION SELECT message FROM mail_concerns WHERE person=$1)`, string(e.Person))
	if err != nil {
		return nil, err
	}
	for _, address := range e.Addresses {
		more, err := w.ids(ctx, `SELECT id FROM mail_message WHERE num IN (SELECT message FROM mail_contact WHERE sender=$1 OR recipient=$1
			UNION SELECT message FROM mail_delivery WHERE recipient=$1)`, address)
		if err != nil {
			return nil, err
		}
		messages = append(messages, more...)
	}
	slices.Sort(messages)
	return slices.Compact(messages), nil
}

// eraseComparisons removes the facts of comparisons that any of these messages
// took part in: they name the recipients of all copies.
func (w *Writer) eraseComparisons(ctx context.Context, messages []portcullis.ID) error {
	done := map[int64]bool{}
	for _, message := range messages {
		num, err := w.number(ctx, message)
		if err != nil {
			return err
		}
		groups, err := rows.Numbers(w.tx.QueryContext(ctx, `SELECT grp FROM mail_copy WHERE message=$1`, num))
		if err != nil {
			return err
		}
		if len(groups) == 0 || done[groups[0]] {
			continue
		}
		done[groups[0]] = true
		clear(w.facts)
		err = w.exec(ctx, "erasure", `DELETE FROM mail_facts WHERE hash IN (SELECT v.facts FROM mail_copy c
			JOIN mail_verdict v ON v.message=c.message WHERE c.grp=$1 AND v.revision>0)`, groups[0])
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) eraseFrom(ctx context.Context, message portcullis.ID, e Erasure) (gone bool, err error) {
	num, err := w.number(ctx, message)
	if err != nil {
		return false, err
	}
	if err := w.exec(ctx, "erasure", `DELETE FROM mail_delivery WHERE message=$1 AND person=$2`, num, string(e.Person)); err != nil {
		return false, err
	}
	w.forget()
	for _, address := range e.Addresses { // from before they were in the people file too
		if err := w.exec(ctx, "erasure", `DELETE FROM mail_delivery WHERE message=$1 AND recipient=$2`, num, address); err != nil {
			return false, err
		}
		if err := w.exec(ctx, "erasure", `DELETE FROM mail_contact WHERE message=$1 AND (sender=$2 OR recipient=$2)`, num, address); err != nil {
			return false, err
		}
	}
	alone, err := w.nobodyElse(ctx, num, e.Addresses)
	if err != nil {
		return false, err
	}
	if alone {
		return true, w.Remove(ctx, message)
	}
	if err := w.exec(ctx, "erasure", `DELETE FROM mail_body WHERE message=$1`, num); err != nil { // it is addressed to them, or speaks of them
		return false, err
	}
	return false, errors.Join(w.scrubVerdict(ctx, message, num, e), w.scrubCopy(ctx, num, e))
}

// nobodyElse tells whether the erased person wrote the message, or no delivery
// of it is left.
func (w *Writer) nobodyElse(ctx context.Context, num int64, addresses []string) (bool, error) {
	var left int
	var sender string
	err := w.tx.QueryRowContext(ctx, `SELECT sender, (SELECT count(*) FROM mail_delivery WHERE message=$1) FROM mail_message WHERE num=$1`, num).Scan(&sender, &left)
	if err != nil {
		return false, fmt.Errorf("erase: %w", err)
	}
	return left == 0 || slices.Contains(addresses, sender), nil
}

// scrubVerdict leaves one revision, without the person.
func (w *Writer) scrubVerdict(ctx context.Context, message portcullis.ID, num int64, e Erasure) error {
	v, ok, err := w.Verdict(ctx, message)
	if err != nil || !ok {
		return err
	}
	_, people, _, err := w.JudgedWith(ctx, message)
	if err != nil {
		return err
	}
	if err := w.removeFacts(ctx, num); err != nil {
		return err
	}
	if err := w.exec(ctx, "erasure", `DELETE FROM mail_verdict WHERE message=$1`, num); err != nil {
		return err
	}
	v.Findings = slices.DeleteFunc(v.Findings, func(f portcullis.Finding) bool { return len(f.People) == 1 && f.People[0] == e.Person })
	for i := range v.Findings {
		e.scrubFinding(&v.Findings[i])
	}
	for i := range v.Unknown {
		v.Unknown[i] = e.scrub(v.Unknown[i])
	}
	v.Facts = Erased
	if err := w.forgetFindings(ctx, num); err != nil {
		return err
	}
	j, err := NewJudgement(message, v, nil, people)
	if err != nil {
		return err
	}
	return w.PutVerdicts(ctx, []Judgement{j}, time.Now())
}

// Erased stands in place of the hash of facts that were erased.
const Erased = "erased"

func (w *Writer) scrubCopy(ctx context.Context, num int64, e Erasure) error {
	packed, ok, err := w.one(ctx, `SELECT body FROM mail_copy WHERE message=$1`, num)
	if err != nil || !ok {
		return err
	}
	c, err := unpackCopy(packed)
	if err != nil {
		return err
	}
	c.Recipients = slices.DeleteFunc(c.Recipients, func(r mail.Recipient) bool {
		return r.Person == e.Person || slices.Contains(e.Addresses, r.Address)
	})
	return w.putCopy(ctx, num, c)
}

// scrubFinding takes the person out of a finding that concerns others too.
func (e Erasure) scrubFinding(f *portcullis.Finding) {
	f.People = slices.DeleteFunc(f.People, func(id portcullis.ID) bool { return id == e.Person })
	f.Summary, f.Flip = e.scrub(f.Summary), e.scrub(f.Flip)
	for i := range f.Evidence {
		f.Evidence[i].Note = e.scrub(f.Evidence[i].Note)
	}
	for i := range f.Unknown {
		f.Unknown[i] = e.scrub(f.Unknown[i])
	}
	f.Observables = slices.DeleteFunc(f.Observables, func(o portcullis.Observable) bool { return e.scrub(o.Value) != o.Value })
}

// scrub replaces names and addresses in a text.
func (e Erasure) scrub(text string) string {
	for _, what := range slices.Concat(e.Addresses, e.Names) {
		if what = strings.TrimSpace(what); what == "" {
			continue
		}
		pattern, err := regexp.Compile(`(?i)` + regexp.QuoteMeta(what))
		if err != nil {
			continue // cannot happen: it is quoted
		}
		text = pattern.ReplaceAllLiteralString(text, "("+Erased+")")
	}
	return text
}

// eraseInputs takes the person out of the people files that are kept for
// replaying and for the names of the others. Such a file is kept under
// another hash: what was judged with the whole of it cannot be replayed with this.
func (w *Writer) eraseInputs(ctx context.Context, e Erasure) error {
	hashes, err := rows.Strings(w.tx.QueryContext(ctx, `SELECT hash FROM mail_input WHERE kind='people' ORDER BY hash`))
	if err != nil {
		return err
	}
	for _, hash := range hashes {
		raw, ok, err := w.Input(ctx, hash)
		if err != nil {
			return err
		}
		left := e.withoutPerson(string(raw))
		if !ok || left == string(raw) {
			continue
		}
		if err := w.exec(ctx, "erasure", `DELETE FROM mail_input WHERE hash=$1 AND hash<>$2`, ErasedInput(hash), hash); err != nil {
			return err
		}
		err = w.exec(ctx, "erasure", `UPDATE mail_input SET hash=$2, body=$3 WHERE hash=$1`, hash, ErasedInput(hash), rows.Pack([]byte(left)))
		if err != nil {
			return err
		}
	}
	return nil
}

// ErasedInput is the hash under which a people file is kept after an erasure.
// Erasing again adds to it, so the name stays the same.
func ErasedInput(hash string) string { return Erased + " " + strings.TrimPrefix(hash, Erased+" ") }

// withoutPerson drops the person's entry from a people file, a table of TOML or
// a line of CSV, and their names and addresses from what is left.
func (e Erasure) withoutPerson(file string) string {
	entries := tomlEntry.Split(file, -1)
	between := tomlEntry.FindAllString(file, -1)
	if len(between) == 0 {
		entries = strings.SplitAfter(file, "\n")
		between = make([]string, len(entries)-1)
	}
	var b strings.Builder
	for i, entry := range entries {
		if i > 0 && e.scrub(entry) != entry && (between[i-1] == "" || strings.Contains(between[i-1], "person")) {
			continue
		}
		if i > 0 {
			b.WriteString(between[i-1])
		}
		b.WriteString(entry)
	}
	return e.scrub(e.withoutMailboxes(b.String()))
}

// withoutMailboxes drops the lines that say which mailboxes are the person's:
// a mailbox is often called as they are.
func (e Erasure) withoutMailboxes(file string) string {
	id := strings.TrimPrefix(string(e.Person), "person:")
	line := regexp.MustCompile(`(?m)^[^=\[\n]*=[ \t]*["']` + regexp.QuoteMeta(id) + `["'][ \t]*\r?\n?`)
	return line.ReplaceAllString(file, "")
}

var tomlEntry = regexp.MustCompile(`(?m)^[ \t]*\[\[?[ \t]*[a-z_]+[ \t]*\]\]?`)
