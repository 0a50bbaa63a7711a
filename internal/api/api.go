// Package api is what the parts that offer a JSON interface share with those who
// mount it: who is asking (Caller), what can be asked for (Route), how answers and
// refusals look (RFC 9457), and the OpenAPI description made from the routes, so that
// what is described is what is served.
//
// It decides nothing beyond "has this caller the role the route names": what a role may
// do to which object is access.May's to say.
package api

import (
	"context"
	"net/http"
	"slices"

	"portcullis.example/portcullis"
)

// Prefix is the path below which [Handler] serves.
const Prefix = "/api/v1"

// Role is what somebody is at the desk. A person may have several.
type Role string

// The roles. Analyst and Approver include Reader, nothing else includes anything:
// administrators read no evidence, approvers do not work on the cases they approve
// unless they are made analysts too, and members see what concerns themselves.
const (
	Reader   Role = "reader"
	Analyst  Role = "analyst"
	Approver Role = "approver"
	Admin    Role = "admin"
	Member   Role = "member"
)

// Roles lists them all, in the order people are shown them.
func Roles() []Role { return []Role{Reader, Analyst, Approver, Admin, Member} }

// Known tells whether the role is one of [Roles].
func (r Role) Known() bool { return slices.Contains(Roles(), r) }

// Scope bounds what a caller may see. Empty lists mean no bound of that kind; the kinds
// add up: somebody bounded to a house and a party sees what is in both.
type Scope struct {
	Houses  []string        `json:"houses,omitempty" toml:"houses"`
	Parties []string        `json:"parties,omitempty" toml:"parties"`
	People  []portcullis.ID `json:"people,omitempty" toml:"people"`
}

// Unbounded tells whether the scope leaves everything in.
func (s Scope) Unbounded() bool {
	return len(s.Houses) == 0 && len(s.Parties) == 0 && len(s.People) == 0
}

// Ways in which a caller was recognised.
const (
	ViaLocalLink   = "local link"
	ViaOIDC        = "oidc"
	ViaToken       = "token"
	ViaCommandLine = "command line"
)

// Caller is who asks. Name tells people apart: it is unique per person, because a
// second approval must come from another Name.
type Caller struct {
	Name   string
	Roles  []Role
	Scope  Scope
	Person portcullis.ID // a member's own id; "" for those who are no protected person
	Via    string        // one of the Via constants
}

// Has tells whether the caller has the role, by itself or by one that includes it.
func (c Caller) Has(r Role) bool {
	if slices.Contains(c.Roles, r) {
		return true
	}
	return r == Reader && (slices.Contains(c.Roles, Analyst) || slices.Contains(c.Roles, Approver))
}

type callerKey struct{}

// WithCaller puts the caller where handlers find it.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// CallerFrom tells who asks, and whether anybody has been recognised at all.
func CallerFrom(ctx context.Context) (Caller, bool) {
	c, ok := ctx.Value(callerKey{}).(Caller)
	return c, ok && c.Name != ""
}

// Route is one operation of the JSON interface.
type Route struct {
	Method, Path string // "GET", "/campaigns/{id}": below Prefix, as a net/http pattern
	Summary      string
	Role         Role // the least a caller must have; "" is anybody who is signed in
	Query        []Param
	Body, Result any      // example values whose types describe the JSON; nil is none
	Media        []string // media types of an answer that is no JSON; Result is nil then
	Handle       http.HandlerFunc
}

// Param is one parameter of the query.
type Param struct {
	Name, Summary string
	Required      bool
}
