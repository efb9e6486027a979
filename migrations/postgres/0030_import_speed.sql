-- What an import writes for each person, less what nobody reads. Most attributes are looked up by nobody's value, and
-- results are listed by their run.

drop index attribute_by_value;
create index attribute_by_value on attribute (name, folded) where folded is not null;
drop index import_result_by_person;
