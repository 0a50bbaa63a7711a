package lineage

import (
	"slices"
	"strings"
)

// class is what may be expected of a function.
type class uint8

const (
	unknown  class = iota // may read or write anything
	denied                // PostgreSQL's own, and gives away rows, files or others' statements
	outside               // harmless by itself, but can carry a value out: not in a statement that touches protected rows
	harmless              // a function of its arguments and the catalogue
)

// Of PostgreSQL's own functions those that are not volatile read nothing but their arguments, the catalogue and settings;
// except these. The XML family and the text-search pair run whatever statement or read whatever relation they are given.
var deniedFunctions = []string{
	"table_to_xml", "table_to_xmlschema", "table_to_xml_and_xmlschema", "query_to_xml", "query_to_xmlschema",
	"query_to_xml_and_xmlschema", "schema_to_xml", "schema_to_xmlschema", "schema_to_xml_and_xmlschema",
	"database_to_xml", "database_to_xmlschema", "database_to_xml_and_xmlschema", "cursor_to_xml", "cursor_to_xmlschema",
	"ts_stat", "ts_rewrite", "pg_stat_get_activity", "pg_stat_get_backend_activity", "pg_mcv_list_items",
	"pg_stat_get_wal_senders", "pg_show_all_file_settings", "pg_hba_file_rules", "pg_ident_file_mappings",
}

// outsideFunctions are volatile but read no rows. In a statement with protected rows each could carry a value to
// another session or a later statement: locks, sequences, notifications, settings, a pause.
var outsideFunctions = []string{
	"nextval", "currval", "lastval", "setval", "set_config", "pg_notify", "pg_sleep", "pg_sleep_for", "pg_sleep_until",
	"pg_advisory_lock", "pg_advisory_lock_shared", "pg_advisory_unlock", "pg_advisory_unlock_all", "pg_advisory_unlock_shared",
	"pg_advisory_xact_lock", "pg_advisory_xact_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared",
	"pg_try_advisory_xact_lock", "pg_try_advisory_xact_lock_shared", "setseed", "pg_cancel_backend", "pg_terminate_backend",
	"pg_export_snapshot", "pg_table_size", "pg_relation_size", "pg_total_relation_size", "pg_indexes_size", "pg_database_size",
	"pg_tablespace_size", "pg_notification_queue_usage", "pg_lock_status", "pg_blocking_pids", "pg_safe_snapshot_blocking_pids",
	"pg_current_wal_lsn", "pg_current_wal_insert_lsn", "pg_current_wal_flush_lsn", "pg_last_wal_receive_lsn", "pg_last_wal_replay_lsn",
	"pg_last_xact_replay_timestamp", "pg_is_in_recovery", "pg_is_wal_replay_paused", "pg_isolation_test_session_is_blocked",
	"pg_stat_clear_snapshot", "pg_stat_force_next_flush", "pg_listening_channels", "pg_timezone_names", "pg_timezone_abbrevs",
	"pg_prepared_xact", "pg_partition_ancestors", "pg_partition_tree", "txid_status", "pg_xact_status", "pg_current_logfile", "pg_sequence_last_value", "pg_get_replication_slots", "pg_control_system", "pg_control_checkpoint",
	"pg_xact_commit_timestamp", "pg_prepared_statement", "pg_cursor", "pg_relation_filepath", "pg_relation_filenode",
}

// harmlessVolatile are volatile and still tell nothing and carry nothing.
var harmlessVolatile = []string{"random", "clock_timestamp", "timeofday", "gen_random_uuid", "pg_current_xact_id", "txid_current",
	"pg_backend_pid", "pg_trigger_depth", "pg_column_size", "uuid_generate_v4"}

// readsNothing are extensions whose functions compute from their arguments.
var readsNothing = []string{"citext", "pg_trgm", "unaccent", "uuid-ossp", "pgcrypto", "hstore", "btree_gin", "btree_gist", "intarray",
	"ltree", "cube", "earthdistance", "fuzzystrmatch", "isn", "seg", "dict_int", "dict_xsyn", "postgis", "pg_bigm"}

// groupAggregates may stand over protected rows: their value is about a group.
var groupAggregates = []string{"count", "sum", "avg", "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp"}

// numbering window functions tell a row's place, and no other row's values.
var numbering = []string{"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "count"}

func (f function) class() class {
	switch {
	case f.schema == "pg_catalog" && (f.language == "internal" || f.language == "c" || f.language == "sql"):
		return f.builtin()
	case slices.Contains(readsNothing, f.extension) && (f.volatility != 'v' || slices.Contains(harmlessVolatile, f.name)):
		return harmless
	case slices.Contains(readsNothing, f.extension):
		return outside
	}
	return unknown
}

func (f function) builtin() class {
	switch {
	case slices.Contains(deniedFunctions, f.name):
		return denied
	case slices.Contains(outsideFunctions, f.name), strings.HasPrefix(f.name, "pg_stat_get_"):
		return outside
	case f.volatility != 'v', slices.Contains(harmlessVolatile, f.name):
		return harmless
	}
	return denied
}

// classOf gives the worst that a name can mean: which of several functions is called depends on types and the search_path,
// and a user's own lower(text) can stand before PostgreSQL's.
func (a *Analyser) classOf(st *state, schema, name string) class {
	var found bool
	worst := harmless
	for _, f := range st.cat.functions[name] {
		if schema != "" && f.schema != schema {
			continue
		}
		found = true
		if a.allowed[f.schema+"."+f.name] {
			continue
		}
		worst = min(worst, f.class())
	}
	if !found {
		return unknown
	}
	return worst
}

func (a *Analyser) aggregate(st *state, name string) (aggregate, window bool) {
	for _, f := range st.cat.functions[name] {
		aggregate = aggregate || f.kind == 'a'
		window = window || f.kind == 'w'
	}
	return aggregate, window
}
