package access

import (
	"slices"
	"strings"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/api"
)

// claims are what a provider says of somebody, once the ID token has been checked.
type claims struct {
	issuer, subject string
	all             map[string]any
}

// at follows a name with dots into objects ("realm_access.roles"), after trying it as it is:
// some providers use names that are addresses.
func (c claims) at(name string) any {
	if v, ok := c.all[name]; ok {
		return v
	}
	var v any = c.all
	for part := range strings.SplitSeq(name, ".") {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[part]
	}
	return v
}

func (c claims) text(name string) (string, bool) {
	s, ok := c.at(name).(string)
	return s, ok
}

// list reads a claim that holds several values, or one. Where it holds anything but text,
// that is left out.
func (c claims) list(name string) (values []string) {
	switch v := c.at(name).(type) {
	case string:
		return []string{v}
	case []any:
		for _, item := range v {
			if s, ok := item.(string); ok {
				values = append(values, s)
			}
		}
	}
	return values
}

// unverified tells whether a claim is an address that the provider has not seen proved.
// Some providers write the answer as text.
func (c claims) unverified(name string) bool {
	if name != "email" {
		return false
	}
	v := c.at("email_verified")
	return v != true && v != "true"
}

// callerOf makes a caller of the claims, by the configuration alone: a group that it does not
// name gives nothing.
func (g *Guard) callerOf(c claims) (caller api.Caller, account string, err error) {
	o := g.cfg.OIDC
	name, _ := c.text(o.NameClaim)
	if name = cleanName(name); name == "" {
		return api.Caller{}, "", refused("the provider did not say who you are (claim " + o.NameClaim + ")")
	}
	if o.NameClaim == "email" && c.at("email_verified") == false {
		return api.Caller{}, "", refused("the provider has not verified your address")
	}
	caller = api.Caller{Name: name, Via: api.ViaOIDC}
	var given []RoleConfig
	groups := c.list(o.GroupClaim)
	for _, r := range o.Roles {
		if slices.Contains(groups, r.Group) {
			given = append(given, r)
		}
	}
	var ok bool
	if caller.Roles, caller.Scope, ok = merge(given); !ok {
		return api.Caller{}, "", refused("none of your groups gives you a role here, or their bounds exclude each other")
	}
	if caller.Has(api.Member) {
		if caller.Person = g.personOf(c); caller.Person == "" {
			caller.Roles = slices.DeleteFunc(caller.Roles, func(r api.Role) bool { return r == api.Member })
		}
		if len(caller.Roles) == 0 {
			return api.Caller{}, "", refused("you are not among the protected people, as far as the provider's answer tells")
		}
	}
	return caller, c.issuer + "\x1f" + c.subject, nil
}

// personOf is the protected person that the claims say somebody is.
func (g *Guard) personOf(c claims) portcullis.ID {
	value, _ := c.text(g.cfg.OIDC.PersonClaim)
	if value == "" || c.unverified(g.cfg.OIDC.PersonClaim) {
		return ""
	}
	return g.deps.Standings().person(value)
}

// merge adds up what several groups give. Roles add up. Bounds do so only where they are
// of one kind and go with the same roles (reader of house A, and reader of house B);
// otherwise only what all of them include is left, for "analyst in A" and "reader
// everywhere" must not make an analyst everywhere. A group of members or administrators
// has no part in the bounds of the others: those roles see what they see whatever the bound.
func merge(given []RoleConfig) (roles []api.Role, scope api.Scope, ok bool) {
	first := true
	var last []api.Role
	for _, r := range given {
		sorted := slices.Sorted(slices.Values(r.Roles))
		for _, role := range sorted {
			if !slices.Contains(roles, role) {
				roles = append(roles, role)
			}
		}
		switch {
		case !bounds(sorted):
		case first:
			scope, last, first = r.Scope, sorted, false
		case slices.Equal(sorted, last) && sameKind(scope, r.Scope):
			scope = union(scope, r.Scope)
		default:
			if scope, ok = intersect(scope, r.Scope); !ok {
				return nil, api.Scope{}, false
			}
			last = nil // what is left is nobody's own any more
		}
	}
	slices.Sort(roles)
	return roles, scope, len(roles) > 0
}

// bounds tells whether a scope means anything for these roles.
func bounds(roles []api.Role) bool {
	return slices.ContainsFunc(roles, func(r api.Role) bool { return r != api.Member && r != api.Admin })
}

// sameKind tells whether both bound exactly one kind, the same, or one bounds nothing.
func sameKind(a, b api.Scope) bool {
	if a.Unbounded() || b.Unbounded() {
		return true
	}
	kinds := func(s api.Scope) [3]bool { return [3]bool{len(s.Houses) > 0, len(s.Parties) > 0, len(s.People) > 0} }
	n := 0
	for _, has := range kinds(a) {
		if has {
			n++
		}
	}
	return n == 1 && kinds(a) == kinds(b)
}

func union(a, b api.Scope) api.Scope {
	if a.Unbounded() || b.Unbounded() {
		return api.Scope{}
	}
	return api.Scope{Houses: slices.Concat(a.Houses, b.Houses), Parties: slices.Concat(a.Parties, b.Parties), People: slices.Concat(a.People, b.People)}
}

// intersect is what both bounds include; not ok when that is nobody.
func intersect(a, b api.Scope) (s api.Scope, ok bool) {
	var houses, parties, people bool
	s.Houses, houses = common(a.Houses, b.Houses)
	s.Parties, parties = common(a.Parties, b.Parties)
	s.People, people = common(a.People, b.People)
	return s, houses && parties && people
}

// common is the intersection of two lists of which an empty one means everything.
func common[T comparable](a, b []T) (both []T, ok bool) {
	switch {
	case len(a) == 0:
		return b, true
	case len(b) == 0:
		return a, true
	}
	for _, v := range a {
		if slices.Contains(b, v) {
			both = append(both, v)
		}
	}
	return both, len(both) > 0
}
