package register

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"portcullis.example/portcullis/internal/register/lineage"
	"portcullis.example/portcullis/internal/register/meter"
	"portcullis.example/portcullis/internal/register/wire"
)

// SQLSTATE codes that the guard answers with (PostgreSQL manual, appendix A).
const (
	codeDenied     = "42501" // insufficient_privilege
	codeBudget     = "53400" // configuration_limit_exceeded
	codeDiskFull   = "53100" // disk_full
	codeStore      = "58030" // io_error
	codeIdentity   = "28000" // invalid_authorization_specification
	codeNoDatabase = "3D000" // invalid_catalog_name
	codeDuplicate  = "42P05" // duplicate_prepared_statement
	codeUndefined  = "26000" // invalid_sql_statement_name
	codeInternal   = "XX000" // internal_error
)

func itoa(n int) string { return strconv.Itoa(n) }

func lineageRefusal(r *lineage.Refusal) *wire.Refusal {
	if r == nil {
		return &wire.Refusal{Code: codeDenied, Message: "the register guard cannot tell whose records this would show"}
	}
	return &wire.Refusal{Code: r.Code, Message: r.Message, Hint: r.Hint}
}

func unknownRefusal(err error) *wire.Refusal {
	var u *meter.Unknown
	if errors.As(err, &u) {
		return &wire.Refusal{Code: codeIdentity, Message: u.Why, Hint: u.Ask}
	}
	return refusal(err)
}

func notAllowed(why, fingerprint string) *wire.Refusal {
	return &wire.Refusal{Code: codeDenied, Message: "your role reads the register with agreed statements only: " + why, Hint: "Ask the register office to allow the statement with the fingerprint " + fingerprint + "."}
}

func maskRefusal(column string) *wire.Refusal {
	return &wire.Refusal{Code: codeDenied, Message: "the column " + column + " is masked for you, so it cannot be computed or searched with", Hint: "Select it as it is, or ask for a purpose that shows it."}
}

var anonymousRefusal = &wire.Refusal{Code: codeDenied, Message: "the result holds an anonymous entry, which does not leave without two approvals", Detail: "The rows before it have been given.", Hint: "Leave anonymous entries out of the statement, or have two supervisors approve: portcullis register request anonymous."}

var savepointRefusal = &wire.Refusal{Code: codeDenied, Message: "the register guard does not follow a savepoint of that name", Hint: "Name savepoints in up to 63 plain letters, digits and underscores."}

var preparedRefusal = &wire.Refusal{Code: codeUndefined, Message: "the statement was prepared under a policy that protected other relations", Hint: "Prepare it again."}

// stopRefusal says what stopped somebody and what to ask for.
func stopRefusal(s *meter.Stop) *wire.Refusal {
	r := &wire.Refusal{Code: codeBudget, Message: "the register guard stopped here: " + s.Error()}
	switch s.Reason {
	case meter.OutOfHours:
		r.Code = codeDenied
		r.Hint = "Ask a supervisor for extra hours in the policy, or in an emergency two of them to declare it."
	case meter.Braked:
		r.Hint = "Single look-ups go on. " + again(s)
	case meter.OverRate, meter.OverStatements:
		r.Hint = "Wait a little. " + again(s)
	default:
		r.Detail = "All rows before have been given and are in the ledger. Records you have been given before cost nothing."
		r.Hint = "SHOW portcullis.left says what is left. Ask a supervisor for more: portcullis register grant " + s.Per + " " + s.Who + ". " + again(s)
	}
	return r
}

func again(s *meter.Stop) string {
	if s.Again.IsZero() {
		return ""
	}
	return "Room appears again from " + s.Again.UTC().Format("2006-01-02 15:04:05") + " UTC."
}

// ledgerFailed notes that the ledger cannot be written, and says it to the client.
func (g *Guard) ledgerFailed(ctx context.Context, err error) *wire.Refusal {
	g.failing.CompareAndSwap(0, time.Now().UnixMicro())
	if g.quiet.once("ledger", time.Minute) {
		g.log.Error("the ledger cannot be written; nothing is released", "error", err)
		g.raise(finding{rule: RuleGap, severity: critical, summary: "The disclosure ledger cannot be written, so the register guard releases no rows: " + err.Error()})
	}
	r := &wire.Refusal{Code: codeStore, Message: "the disclosure ledger cannot be written, so no row leaves", Hint: "Tell the register's operators: the disk of the ledger needs attention. In an emergency two supervisors can have it kept elsewhere."}
	if errors.Is(err, syscall.ENOSPC) {
		r.Code, r.Message = codeDiskFull, "the disk of the disclosure ledger is full, so no row leaves"
	}
	return r
}

// ledgerWorks states, once it can be written again, for how long it could not: while the policy
// observed rows left meanwhile, and that is a gap.
func (g *Guard) ledgerWorks(ctx context.Context) {
	since := g.failing.Load()
	if since == 0 || !g.failing.CompareAndSwap(since, 0) || g.meter.Policy().Enforcing() {
		return
	}
	g.noteGap(ctx, time.UnixMicro(since), "the ledger could not be written while the guard observed")
}

// asksForLeft tells whether a text asks how much is left. The guard answers it itself. Nearly every
// text is asked about that does not name the guard, so that is looked at first.
func asksForLeft(text string) bool {
	if len(text) > 80 || !namesGuard(text) {
		return false
	}
	t := strings.Join(strings.Fields(strings.ToLower(strings.TrimRight(strings.TrimSpace(text), "; \n"))), " ")
	return t == "show portcullis.left" || t == "select * from portcullis_left()"
}

func namesGuard(text string) bool {
	const name = "portcullis"
	for i := 0; i+len(name) <= len(text); i++ {
		if text[i]|0x20 == name[0] && strings.EqualFold(text[i:i+len(name)], name) {
			return true
		}
	}
	return false
}

// answerLeft has PostgreSQL answer with what the meter knows.
func (s *session) answerLeft(ctx context.Context) (wire.Decision, error) {
	who, err := s.identity()
	if err != nil {
		return wire.Decision{}, unknownRefusal(err)
	}
	left, err := s.g.meter.Left(ctx, who, s.g.clock.Now())
	if err != nil {
		return wire.Decision{}, refusal(err)
	}
	rows := []string{"(NULL::text, NULL::text, NULL::text, NULL::text, NULL::bigint, NULL::bigint, NULL::bigint)"}
	for _, l := range left {
		rows = append(rows, fmt.Sprintf("(%s, %s, %s, %s, %d, %d, %d)", literal(l.Budget), literal(l.Per), literal(l.Who), literal(l.Window), l.Limit, l.Used, max(0, l.Limit-l.Used)))
	}
	const query = `SELECT * FROM (VALUES %s) AS "left"(budget, per, who, "window", allowed, used, "left") WHERE budget IS NOT NULL`
	return wire.Decision{Pass: true, Text: fmt.Sprintf(query, strings.Join(rows, ", "))}, nil
}

// literal quotes a string for SQL, whatever standard_conforming_strings says.
func literal(s string) string {
	if strings.Contains(s, `\`) {
		return "E'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'"
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
