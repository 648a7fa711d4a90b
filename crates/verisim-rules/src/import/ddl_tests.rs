//! Facts of schemas as people write them.

use super::*;

fn read_as(text: &str, dialect: Option<Dialect>) -> Description {
    read(Path::new("schema.sql"), text, dialect).unwrap()
}

fn text(t: &str) -> Value {
    Value::Text(t.to_owned())
}

const SHOP: &str = r#"
-- A shop.
CREATE TYPE order_state AS ENUM ('new', 'paid', 'shipped');
CREATE DOMAIN percent AS numeric(5, 2) CHECK (VALUE >= 0 AND VALUE <= 100);
SET client_encoding = 'UTF8';

CREATE TABLE public.customer (
    id          bigserial PRIMARY KEY,
    email       varchar(254) NOT NULL UNIQUE,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    country     char(2) NOT NULL DEFAULT 'DE',
    born        date CHECK (born > DATE '1900-01-01'),
    discount    percent DEFAULT 0,
    code        text CHECK (code ~ '^[A-Z]{3}[0-9]+$'),
    referrer    bigint REFERENCES customer,
    uid         uuid NOT NULL DEFAULT gen_random_uuid(),
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE product (
    sku   text,
    lot   integer,
    price numeric(10,2) NOT NULL CHECK (price > 0),
    size  text CHECK (size IN ('S', 'M', 'L')),
    width real, weight double precision CHECK (weight > 0),
    tags  text[],
    PRIMARY KEY (sku, lot)
);

CREATE TABLE "order" (
    id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer bigint NOT NULL,
    sku      text NOT NULL,
    lot      integer NOT NULL,
    state    order_state NOT NULL DEFAULT 'new',
    quantity smallint NOT NULL CHECK (quantity BETWEEN 1 AND 99),
    ordered  date NOT NULL,
    shipped  date,
    note     varchar(200),
    total    numeric(12,2) GENERATED ALWAYS AS (quantity * 2) STORED,
    CONSTRAINT dates CHECK (shipped IS NULL OR shipped >= ordered),
    CHECK (state <> 'shipped' OR shipped IS NOT NULL),
    CHECK (NOT (note = 'x' AND quantity > 10)),
    CHECK (note <> 'y' OR note LIKE 'a%'),
    CHECK (md5(note) <> 'z'),
    FOREIGN KEY (customer) REFERENCES customer (id) ON DELETE CASCADE,
    FOREIGN KEY (sku, lot) REFERENCES product,
    UNIQUE (customer, ordered)
);
CREATE INDEX ON "order" (ordered);
CREATE UNIQUE INDEX one_note ON "order" (note) WHERE note <> '';
INSERT INTO product VALUES ('a;b', 1, 2, 'S');
INSERT INTO product VALUES ('a', 1, 2, 'S');
"#;

#[test]
fn a_shop_in_postgresql() {
    let made = read_as(SHOP, None);
    assert_eq!(made.tables.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["customer", "product", "order"]);
    let customer = made.table("customer").unwrap();
    let column = |name: &str| customer.column(name).unwrap();
    assert_eq!(customer.primary_key, ["id"]);
    assert_eq!(column("id").generated, Some(Generated::Sequence));
    assert_eq!(column("id").kind, ColumnKind::Integer { bits: Some(64), signed: true });
    assert!(column("email").unique && !column("email").nullable && column("email").longest == Some(254));
    assert_eq!((column("name").shortest, column("name").longest), (Some(1), Some(80)));
    assert_eq!((column("country").longest, column("country").default.clone()), (Some(2), Some(text("DE"))));
    assert!(!column("country").required && column("email").required && !column("born").required);
    assert_eq!(column("discount").kind, ColumnKind::Decimal { digits: 5, scale: 2 });
    assert_eq!((column("discount").least.as_deref(), column("discount").greatest.as_deref()), (Some("0"), Some("100")));
    assert_eq!(column("code").pattern.as_deref(), Some("^[A-Z]{3}[0-9]+$"));
    assert_eq!(column("uid").format.as_deref(), Some("uuid"));
    assert_eq!(column("created_at").kind, ColumnKind::Timestamp { offset: None });
    // A bound that leaves out its own day is an expression.
    assert_eq!(customer.checks, ["born > timestamp(\"1900-01-01\")"]);
    assert_eq!(
        customer.foreign_keys[0],
        ForeignKey {
            columns: vec!["referrer".into()],
            table: "customer".into(),
            referred: vec!["id".into()],
            children: (None, None)
        }
    );
    let product = made.table("product").unwrap();
    assert_eq!(product.primary_key, ["sku", "lot"]);
    assert!(!product.column("lot").unwrap().nullable);
    assert_eq!(product.column("price").unwrap().least.as_deref(), Some("0.01"));
    assert_eq!(product.column("size").unwrap().values, [text("S"), text("M"), text("L")]);
    assert_eq!(product.column("width").unwrap().kind, ColumnKind::Float { bits: 32 });
    assert_eq!(product.checks, ["weight > 0"]);
    let order = made.table("order").unwrap();
    assert_eq!(order.column("state").unwrap().values, [text("new"), text("paid"), text("shipped")]);
    let quantity = order.column("quantity").unwrap();
    assert_eq!((quantity.least.as_deref(), quantity.greatest.as_deref()), (Some("1"), Some("99")));
    assert_eq!(order.column("total").unwrap().generated, Some(Generated::Computed));
    assert_eq!(order.unique, [["customer", "ordered"]]);
    assert_eq!(order.foreign_keys[1].referred, ["sku", "lot"]);
    assert_eq!(
        order.checks,
        [
            "shipped == null || shipped >= ordered",
            "state != \"shipped\" || shipped != null",
            "!(note == \"x\" && quantity > 10)",
            "note != \"y\" || startsWith(note, \"a\")",
        ]
    );
    let notes: Vec<String> = made.notes.iter().map(ToString::to_string).collect();
    let has = |what: &str| notes.iter().any(|n| n.contains(what));
    assert!(has("line 45: order: CHECK (md5(note) <> 'z') is left out: `md5()` is not known"), "{notes:#?}");
    assert!(has("line 16: customer.uid: has the default gen_random_uuid()"), "{notes:#?}");
    assert!(has("product.tags: is of the type TEXT[]"), "{notes:#?}");
    assert!(has("order.total: is computed as"), "{notes:#?}");
    assert!(has("2 statements `INSERT INTO` passed over"), "{notes:#?}");
    assert!(has("1 statement `SET"), "{notes:#?}");
    assert!(has("unique index over some rows"), "{notes:#?}");
}

#[test]
fn the_forms_of_a_shop_make_cases() {
    use crate::edge::cases::{Settings, cases};
    let made = read_as(SHOP, None);
    let (form, notes) = made.table("order").unwrap().form();
    assert_eq!(form.constraints.len(), 4);
    assert!(form.fields.iter().all(|f| f.name != "total"));
    assert!(notes.iter().any(|n| n.to_string().contains("order.total: is computed")));
    let settings = Settings { odd: false, ..Settings::default() };
    let order = cases(&form, &settings).unwrap();
    assert_eq!(order.report.combinations.required, order.report.combinations.covered);
    assert!(order.report.valid > 0 && order.report.invalid > 0);
    assert!(order.report.constraints[0].broken > 0 && order.report.constraints[1].broken > 0);
    let (form, _) = made.table("customer").unwrap().form();
    let customer = cases(&form, &settings).unwrap();
    assert!(customer.rows.iter().any(|r| r.fault.as_deref().is_some_and(|f| f.starts_with("code: does not fit"))));
}

/// As pg_dump prints it: data between statements, keys and defaults afterwards, lists as arrays.
#[test]
fn what_pg_dump_prints() {
    let dump = r#"--
-- PostgreSQL database dump
--
\connect hospital
SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE TYPE public.ward AS ENUM (
    'surgery',
    'children'
);
ALTER TYPE public.ward OWNER TO postgres;
CREATE TABLE public.patient (
    id integer NOT NULL,
    sex character(1),
    ward public.ward,
    born date NOT NULL,
    height double precision,
    CONSTRAINT patient_sex_check CHECK ((sex = ANY (ARRAY['f'::bpchar, 'm'::bpchar, 'd'::bpchar]))),
    CONSTRAINT tall CHECK (((height >= (20)::double precision) AND (height <= (250)::double precision))),
    CONSTRAINT state CHECK (((ward)::text = ANY ((ARRAY['surgery'::character varying, 'children'::character varying])::text[])))
);
ALTER TABLE public.patient OWNER TO postgres;
CREATE SEQUENCE public.patient_id_seq START WITH 1;
CREATE TABLE public.stay (
    patient integer NOT NULL,
    "from" timestamp without time zone NOT NULL,
    until timestamp(3) without time zone
);
ALTER TABLE ONLY public.patient ALTER COLUMN id SET DEFAULT nextval('public.patient_id_seq'::regclass);
COPY public.patient (id, sex) FROM stdin;
1	f;'
2	m"
\.
ALTER TABLE ONLY public.patient
    ADD CONSTRAINT patient_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.stay
    ADD CONSTRAINT stay_pkey PRIMARY KEY (patient, "from");
ALTER TABLE ONLY public.stay
    ADD CONSTRAINT stay_fkey FOREIGN KEY (patient) REFERENCES public.patient(id);
"#;
    let made = read_as(dump, Some(Dialect::PostgreSql));
    let patient = made.table("patient").unwrap();
    assert_eq!(patient.primary_key, ["id"]);
    assert_eq!(patient.column("id").unwrap().generated, Some(Generated::Sequence));
    assert_eq!(patient.column("sex").unwrap().values, [text("f"), text("m"), text("d")]);
    let height = patient.column("height").unwrap();
    assert_eq!((height.least.as_deref(), height.greatest.as_deref()), (Some("20"), Some("250")));
    assert_eq!(patient.column("ward").unwrap().values.len(), 2);
    let stay = made.table("stay").unwrap();
    assert_eq!(stay.primary_key, ["patient", "from"]);
    assert_eq!(stay.column("until").unwrap().kind, ColumnKind::Timestamp { offset: Some(false) });
    assert_eq!(stay.foreign_keys[0].table, "patient");
}

#[test]
fn a_hospital_in_mysql() {
    let sql = r#"
CREATE TABLE `patient` (
  `id` int unsigned NOT NULL AUTO_INCREMENT COMMENT 'Number',
  `sex` enum('f','m','d') NOT NULL DEFAULT 'd',
  `insured` tinyint(1) NOT NULL DEFAULT '1',
  `weight` decimal(5,1) unsigned DEFAULT NULL,
  `admitted` datetime NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  `year` year DEFAULT NULL,
  `note` mediumtext COLLATE utf8mb4_unicode_ci,
  `picture` blob,
  PRIMARY KEY (`id`),
  UNIQUE KEY `who` (`sex`,`admitted`),
  KEY `by_year` (`year`),
  CONSTRAINT `light` CHECK ((`weight` < 500))
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4;
CREATE TABLE diagnosis (
  patient int unsigned NOT NULL,
  code varchar(7) NOT NULL,
  sure tinyint unsigned,
  CHECK (code REGEXP '^[A-Z][0-9]{2}'),
  PRIMARY KEY (patient, code),
  CONSTRAINT p FOREIGN KEY (patient) REFERENCES patient (id) ON DELETE CASCADE
);
"#;
    let made = read_as(sql, None);
    let patient = made.table("patient").unwrap();
    let column = |name: &str| patient.column(name).unwrap();
    assert_eq!(column("id").kind, ColumnKind::Integer { bits: Some(32), signed: false });
    assert_eq!(column("id").generated, Some(Generated::Sequence));
    assert_eq!(column("id").comment.as_deref(), Some("Number"));
    assert_eq!(column("sex").values.len(), 3);
    assert_eq!(
        (column("insured").kind.clone(), column("insured").default.clone()),
        (ColumnKind::Boolean, Some(Value::Boolean(true)))
    );
    assert_eq!((column("weight").least.as_deref(), column("weight").greatest.as_deref()), (Some("0"), Some("499.9")));
    assert_eq!(column("picture").kind, ColumnKind::Bytes);
    assert_eq!(patient.unique, [["sex", "admitted"]]);
    let diagnosis = made.table("diagnosis").unwrap();
    assert_eq!(diagnosis.column("code").unwrap().pattern.as_deref(), Some("^[A-Z][0-9]{2}"));
    assert_eq!(diagnosis.column("sure").unwrap().kind, ColumnKind::Integer { bits: Some(8), signed: false });
    assert_eq!(diagnosis.foreign_keys[0].referred, ["id"]);
}

#[test]
fn a_library_in_sqlite() {
    let sql = r#"
PRAGMA foreign_keys = ON;
CREATE TABLE book (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, pages INT CHECK(pages > 0), anything);
CREATE TABLE loan (
  book INTEGER NOT NULL REFERENCES book(id),
  since TEXT NOT NULL DEFAULT (date('now')),
  days INTEGER CHECK (days IN (7, 14, 28)),
  PRIMARY KEY (book, since)
) WITHOUT ROWID;
"#;
    let made = read_as(sql, None);
    let book = made.table("book").unwrap();
    assert_eq!(book.column("id").unwrap().generated, Some(Generated::Sequence));
    assert_eq!(book.column("pages").unwrap().least.as_deref(), Some("1"));
    let loan = made.table("loan").unwrap();
    assert_eq!(loan.column("days").unwrap().values.len(), 3);
    assert_eq!(loan.primary_key, ["book", "since"]);
    assert!(
        made.notes.iter().any(|n| n.to_string().contains("line 3: book.anything: has no type")),
        "{:?}",
        made.notes
    );
}

#[test]
fn tables_that_inherit_or_are_parts_of_others() {
    let sql = "CREATE TABLE pay (id int NOT NULL, at date NOT NULL, twice int GENERATED ALWAYS AS (id * 2) VIRTUAL, CHECK (id > 0 OR id < -5));
        CREATE TABLE pay_1 (more text, CONSTRAINT d CHECK (at >= '2020-01-01'::date)) INHERITS (public.pay);
        CREATE TABLE pay_2 PARTITION OF pay FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
        CREATE TABLE pay_3 (id int NOT NULL, at date NOT NULL);
        ALTER TABLE ONLY pay ATTACH PARTITION pay_3 FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
        ALTER TABLE ONLY pay_3 ADD CONSTRAINT k PRIMARY KEY (id);
        ALTER TABLE pay DISABLE TRIGGER ALL;";
    let made = read_as(sql, Some(Dialect::PostgreSql));
    assert_eq!(made.tables.len(), 2);
    let part = made.table("pay_1").unwrap();
    assert_eq!(part.columns.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["id", "at", "twice", "more"]);
    assert_eq!(part.checks.len(), 1);
    assert_eq!(part.column("at").unwrap().least.as_deref(), Some("2020-01-01"));
    let notes: Vec<String> = made.notes.iter().map(ToString::to_string).collect();
    assert!(notes.iter().any(|n| n.contains("pay_2: is a part of `pay`")), "{notes:?}");
    assert!(notes.iter().any(|n| n.contains("pay_3: is a part of `pay`")), "{notes:?}");
    assert_eq!(notes.len(), 3, "{notes:?}");
}

/// Which rows pass a check in SQL, with its third truth value, and which its expression, over all values and missing ones.
#[test]
fn checks_pass_the_rows_that_pass_in_sql() {
    let checks = [
        "a = 1",
        "a <> 1",
        "NOT a = 1",
        "NOT a <> 1",
        "NOT (a = 1 OR b <> 2)",
        "a IN (1, 2)",
        "a NOT IN (1, 2)",
        "NOT a IN (1)",
        "a = 1 AND (b = 2 OR a <> b)",
        "a IS NULL OR b = 1",
        "a BETWEEN 1 AND 2 OR b NOT BETWEEN 1 AND 2",
        "coalesce(a, 0) = 0 OR NOT (b = 1 AND a = 2)",
        "NOT (NOT (a = 1))",
        "a + b = 3",
        "abs(a - b) > 1",
        "a = b",
    ];
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    for check in checks {
        let made = read_as(
            &format!("CREATE TABLE t (a INT, b INT, c INT, CHECK (({check}) OR c > 5))"),
            Some(Dialect::PostgreSql),
        );
        let table = &made.tables[0];
        assert!(made.notes.is_empty() && table.checks.len() == 1, "{check}: {:?}", made.notes);
        let said = crate::expression::read(&table.checks[0]).unwrap();
        let number = |x: Option<i64>| x.map_or("NULL".to_owned(), |x| x.to_string());
        for a in [None, Some(0), Some(1), Some(2), Some(3)] {
            for b in [None, Some(0), Some(1), Some(2)] {
                let query =
                    format!("SELECT coalesce(({check}), 1) FROM (SELECT {} AS a, {} AS b)", number(a), number(b));
                let wanted: bool = connection.query_row(&query, [], |row| row.get(0)).unwrap();
                let got = crate::edge::rule::evaluate(&said.node, &|n| {
                    use crate::edge::rule::Datum;
                    let value = match said.names[n].path[0].as_str() {
                        "a" => a,
                        "b" => b,
                        _ => Some(0),
                    };
                    value.map_or(Datum::Null, |x| Datum::Number(x as f64))
                });
                let passes = got.unwrap() != crate::edge::rule::Datum::Yes(false);
                assert_eq!(passes, wanted, "{check} as {}: a {a:?}, b {b:?}", table.checks[0]);
            }
        }
    }
}

#[test]
fn mistakes_are_told_with_their_line() {
    let said = |sql: &str| read(Path::new("s.sql"), sql, Some(Dialect::PostgreSql)).unwrap_err().to_string();
    assert!(
        said("\n\nCREATE TABLE a (\n  x integer,\n  y integer integer\n);")
            .starts_with("s.sql, line 5: `CREATE TABLE a`: ")
    );
    assert!(said("SELECT 1;").contains("makes no table"));
    assert!(said("").contains("makes no table"));
    assert!(
        said("CREATE TABLE a (x int);\nCREATE TABLE a (x int);")
            .contains("line 2: `CREATE TABLE a`: makes `a` a second time")
    );
    assert!(said("CREATE TABLE a (x int, X int);").contains("has the column `X` twice"));
    assert!(said("CREATE TABLE a (x text DEFAULT 'y);").contains("line 1"));
    let deep = format!("CREATE TABLE a (x int CHECK ({}x > 1{}))", "(".repeat(5000), ")".repeat(5000));
    assert!(said(&deep).contains("CREATE TABLE"));
    let made = read_as("CREATE TABLE a (x int REFERENCES b, y point);", Some(Dialect::PostgreSql));
    let notes: Vec<String> = made.notes.iter().map(ToString::to_string).collect();
    assert!(notes.iter().any(|n| n.contains("a: refers to `b`, which the file does not describe")), "{notes:?}");
    assert!(notes.iter().any(|n| n.contains("a.y: is of the type")), "{notes:?}");
}
