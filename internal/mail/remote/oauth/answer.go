package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"portcullis.example/portcullis/internal/mail/remote"
	"portcullis.example/portcullis/internal/mail/remote/rest"
)

const maxAnswer = 256 << 10

// answer is what the token endpoint says (RFC 6749 §5.1, §5.2).
type answer struct {
	AccessToken  string          `json:"access_token"`
	TokenType    string          `json:"token_type"`
	ExpiresIn    json.RawMessage `json:"expires_in"` // a number; of some servers a string
	RefreshToken string          `json:"refresh_token"`
	Error        string          `json:"error"`
	Description  string          `json:"error_description"`
}

func (a *answer) lifetime() time.Duration {
	var seconds float64
	if json.Unmarshal([]byte(strings.Trim(string(a.ExpiresIn), `"`)), &seconds) != nil || seconds <= 0 {
		return defaultLifetime
	}
	return time.Duration(min(seconds, 24*3600) * float64(time.Second))
}

// post asks for a token.
func (c *Client) post(ctx context.Context, form url.Values, secrets []string) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.tokenURL(), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, remote.Fail(remote.Permanent, "", "token_url is no address")
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "portcullis")
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.within(rest.Network(err))
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, c.within(rest.Network(err))
	}
	var got answer
	broken := json.Unmarshal(raw, &got) != nil
	switch {
	case response.StatusCode != http.StatusOK || got.Error != "":
		return nil, c.refused(response, &got, secrets)
	case broken || got.AccessToken == "" || !strings.EqualFold(got.TokenType, "Bearer") || !visible(got.AccessToken):
		return nil, remote.Fail(remote.Temporary, "is token_url, authority or tenant right?", "%s gives no token", c.cfg.Host())
	}
	return &got, nil
}

// within says that an error befell where tokens are fetched.
func (c *Client) within(err error) error {
	var f *remote.Failure
	if !errors.As(err, &f) {
		return err
	}
	inner := *f
	inner.Err = fmt.Errorf("fetch a token from %s: %w", c.cfg.Host(), f.Err)
	return &inner
}

// visible tells whether a token can stand in a header (RFC 6750 §2.1).
func visible(token string) bool {
	return !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}

// refused says what an answer without a token means. Secrets that the server repeats are taken out.
func (c *Client) refused(response *http.Response, got *answer, secrets []string) error {
	text := fmt.Sprintf("%s gives no token: %d %s", c.cfg.Host(), response.StatusCode, http.StatusText(response.StatusCode))
	if got.Error != "" {
		text += " (" + rest.Line(scrubbed(got.Error, secrets)) + ")"
	}
	if got.Description != "" {
		text += ": " + rest.Line(scrubbed(got.Description, secrets))
	}
	f := &remote.Failure{Err: errors.New(scrubbed(text, secrets))}
	said := strings.ToLower(got.Error + " " + got.Description)
	switch status := response.StatusCode; {
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable && response.Header.Get("Retry-After") != "":
		f.Kind, f.After = remote.Throttled, remote.RetryAfter(response.Header, time.Now())
	case status >= 500, status == http.StatusRequestTimeout, got.Error == "temporarily_unavailable", got.Error == "server_error":
		f.Kind = remote.Temporary
	case status >= 300 && status < 400:
		f.Kind, f.Remedy = remote.Permanent, "it redirects, which is not followed, for the secret would go there; are authority and token_url right?"
	case got.Error == "" && status == http.StatusNotFound:
		f.Kind, f.Remedy = remote.Permanent, "are authority, tenant and token_url right?"
	default:
		f.Kind, f.Remedy = remote.Refused, remedy(said)
	}
	return f
}

func scrubbed(text string, secrets []string) string {
	for _, s := range secrets {
		if len(s) >= 4 {
			text = strings.ReplaceAll(text, s, "…")
			text = strings.ReplaceAll(text, url.QueryEscape(s), "…")
		}
	}
	return text
}

// remedies by what is said, the first that fits. Microsoft tells its errors apart by numbers
// (learn.microsoft.com/entra/identity-platform/reference-error-codes), Google by its texts.
var remedies = []struct {
	words  []string
	remedy string
}{
	{[]string{"aadsts7000222"}, "the client secret has expired: make a new one, and put its value into client_secret_file"},
	{[]string{"aadsts7000215", "aadsts7000218"}, "the client secret is not right: put its value, not its id, into client_secret_file"},
	{[]string{"aadsts700024", "reasonable timeframe"}, "is the clock of this machine right?"},
	{[]string{"aadsts700027", "aadsts700030", "aadsts50012"}, "the assertion is not taken: add the certificate to the application (Certificates & secrets), and see that it has not ended"},
	{[]string{"invalid jwt signature"}, "the key was deleted, or is another account's: make a new one, and put it into service_account_file"},
	{[]string{"aadsts90002", "aadsts900023", "aadsts900021"}, "no such directory: see tenant and, in a national cloud, authority"},
	{[]string{"aadsts700016", "aadsts7000229", "aadsts7000112", "aadsts500011"}, "the directory does not know the application, or has disabled it: see client_id and tenant, and let an administrator consent"},
	{[]string{"aadsts65001", "aadsts90094", "consent_required", "admin_policy_enforced", "interaction_required"}, "consent is missing: an administrator must grant the permission to the application"},
	{[]string{"aadsts53003", "aadsts50076", "aadsts50079"}, "a rule of conditional access keeps the application out"},
	{[]string{"invalid email or user", "account not found", "invalid impersonation", "invalid_subject"}, "there is no such mailbox, or it is not of this domain"},
	{[]string{"unauthorized_client", "access_denied", "not authorized for any of the scopes"}, "the right is missing: with Google, the client id of the service account needs this scope under domain-wide delegation (Admin console, Security, API controls)"},
	{[]string{"invalid_scope", "aadsts70011", "aadsts1002012"}, "the scope is wrong: see scopes and, in a national cloud, endpoint"},
	{[]string{"expired or revoked", "aadsts700082", "aadsts70008", "aadsts700084", "aadsts50173", "aadsts70043", "invalid_grant"}, "what was granted was revoked or has ended: sign in anew, and put the new refresh token into its file; or see whether the account still exists"},
	{[]string{"deleted_client", "disabled_client", "invalid_client"}, "the application is not known, was deleted, or its secret is wrong: see client_id and the file of the secret"},
}

func remedy(said string) string {
	for _, one := range remedies {
		for _, word := range one.words {
			if at := strings.Index(said, word); at >= 0 && !(strings.HasPrefix(word, "aadsts") && digitAt(said, at+len(word))) {
				return one.remedy
			}
		}
	}
	return "see whether the application may still sign in"
}

// digitAt tells whether a number goes on: AADSTS700024 is not AADSTS7000241.
func digitAt(s string, i int) bool { return i < len(s) && s[i] >= '0' && s[i] <= '9' }
