"""Drop-off points know their postal code, their time, and when they are closed; more of them."""

from typing import Any

import logistics.hours
import logistics.models.partners
from django.db import migrations, models

from logistics.partners import plant_points


def planted(apps: Any, schema_editor: Any) -> None:
    plant_points(
        apps.get_model('logistics', 'Courier').objects,
        apps.get_model('logistics', 'DropOffPoint').objects,
    )


class Migration(migrations.Migration):

    dependencies = [
        ('logistics', '0010_gateways'),
    ]

    operations = [
        migrations.AddField(
            model_name='dropoffpoint',
            name='closed_until',
            field=models.DateTimeField(blank=True, help_text='Closed for a time, by its courier or by staff.', null=True),
        ),
        migrations.AddField(
            model_name='dropoffpoint',
            name='missing_since',
            field=models.DateTimeField(blank=True, help_text="Since when its courier's full list is without it.", null=True),
        ),
        migrations.AddField(
            model_name='dropoffpoint',
            name='postal_code',
            field=models.CharField(blank=True, max_length=16),
        ),
        migrations.AddField(
            model_name='dropoffpoint',
            name='time_zone',
            field=models.CharField(default='UTC', help_text='IANA: of its hours.', max_length=64, validators=[logistics.models.partners.known_zone]),
        ),
        migrations.AlterField(
            model_name='dropoffpoint',
            name='kind',
            field=models.CharField(choices=[('post_office', 'Post office'), ('shop', 'Shop'), ('locker', 'Locker'), ('depot', "Courier's depot")], max_length=12),
        ),
        migrations.AlterField(
            model_name='dropoffpoint',
            name='opening_hours',
            field=models.CharField(blank=True, help_text='OpenStreetMap syntax, such as Mo-Fr 09:00-18:00; empty where nobody knows.', max_length=500, validators=[logistics.hours.opening_hours]),
        ),
        migrations.AddConstraint(
            model_name='dropoffpoint',
            constraint=models.CheckConstraint(condition=models.Q(('missing_since__isnull', True), ('active', False), _connector='OR'), name='point_missing_is_not_in_use', violation_error_message='A point its courier does not list is not in use.'),
        ),
        migrations.RunPython(planted, migrations.RunPython.noop),
    ]
