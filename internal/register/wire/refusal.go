package wire

import (
	"errors"
	"strings"
)

// SQLSTATE codes the gateway itself uses (PostgreSQL manual, appendix A).
const (
	codeSuccess     = "00000" // successful_completion, as RAISE NOTICE has it
	codeProtocol    = "08P01" // protocol_violation
	codeConnect     = "08001" // sqlclient_unable_to_establish_sqlconnection
	codeLost        = "08006" // connection_failure
	codeUnsupported = "0A000" // feature_not_supported
	codeAuth        = "28000" // invalid_authorization_specification
	codeUnknown     = "40003" // statement_completion_unknown
	codeDenied      = "42501" // insufficient_privilege
	codeTooMany     = "53300" // too_many_connections
	codeTooLarge    = "54000" // program_limit_exceeded
	codeShutdown    = "57P01" // admin_shutdown
	codeInternal    = "XX000" // internal_error
)

// Refusal is an error the client is told as it stands. Code is its SQLSTATE;
// 42501 if empty.
type Refusal struct {
	Code, Message, Detail, Hint string
	// Fatal ends the session after it.
	Fatal bool
}

// Error is the message, without detail.
func (r *Refusal) Error() string { return r.Message }

// refusalOf is the refusal that an error of the guard's is told as. What went
// wrong inside is for the operator's log, not for the client.
func refusalOf(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) && r != nil {
		return r
	}
	return &Refusal{Code: codeInternal, Message: "the register guard could not judge this", Hint: "Nothing was disclosed. The operator's log says why."}
}

func (r *Refusal) fields() *Fields {
	severity, code := "ERROR", r.Code
	if r.Fatal {
		severity = "FATAL"
	}
	if code == "" {
		code = codeDenied
	}
	f := &Fields{Error: true, all: []field{{'S', severity}, {'V', severity}, {'C', code}, {'M', clean(r.Message)}}}
	if r.Detail != "" {
		f.all = append(f.all, field{'D', clean(r.Detail)})
	}
	if r.Hint != "" {
		f.all = append(f.all, field{'H', clean(r.Hint)})
	}
	return f
}

func (r *Refusal) append(dst []byte) []byte { return r.fields().append(dst) }

// clean takes out zero bytes, which would end a field.
func clean(s string) string { return strings.ReplaceAll(s, "\x00", "") }
