"""The couriers and services of R21, and drop-off points to begin with."""

from typing import Any

from django.db import migrations

from logistics.partners import plant


def planted(apps: Any, schema_editor: Any) -> None:
    plant(
        couriers=apps.get_model("logistics", "Courier").objects,
        services=apps.get_model("logistics", "CourierService").objects,
        ranges=apps.get_model("logistics", "NumberRange").objects,
        points=apps.get_model("logistics", "DropOffPoint").objects,
    )


class Migration(migrations.Migration):
    dependencies = [("logistics", "0001_initial")]
    operations = [migrations.RunPython(planted, migrations.RunPython.noop)]
