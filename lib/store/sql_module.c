/* PostgreSQL's library is large: the port of it is a module. */
#include "lib/base/module.h"
#include "lib/store/sql.h"

int tr_sql_open_postgres(
    const tr_sql_postgres_t *options, const tr_sql_schema_t *schema, tr_sql_t **ret_sql, tr_error_t *error) {
    static const tr_module_kind_t kind = {"PostgreSQL's module", "sql-postgres.so", TR_SQL_MODULE_SYMBOL,
        "lib/store", TR_SQL_MODULES, TR_SQL_LIBDIR, "postgres"};
    const tr_sql_module_t *module = NULL;
    int rc = tr_module_load(&kind, options->module, (const void **)&module, error);
    return rc < 0 ? rc : module->open(options, schema, ret_sql, error);
}
