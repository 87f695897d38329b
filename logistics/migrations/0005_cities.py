"""Cities of R21's countries, and their time zones."""

from typing import Any

import django.core.validators
import logistics.models.partners
from django.db import migrations, models

from logistics import cities


def planted(apps: Any, schema_editor: Any) -> None:
    cities.plant(apps.get_model('logistics', 'City').objects)


class Migration(migrations.Migration):

    dependencies = [
        ('logistics', '0004_desk'),
    ]

    operations = [
        migrations.CreateModel(
            name='City',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('country', models.CharField(max_length=2, validators=[django.core.validators.RegexValidator('^[A-Z]{2}\\Z', 'Two capital letters, ISO 3166.')])),
                ('name', models.CharField(help_text='As the country writes it, in Latin letters.', max_length=80)),
                ('names', models.CharField(blank=True, help_text='All it is called, between bars: |warszawa|warsaw|', max_length=200)),
                ('region', models.CharField(blank=True, help_text='ISO 3166-2 of the region whose time it keeps, where a country has several.', max_length=4)),
                ('lat', models.FloatField(help_text='Degrees, WGS 84.')),
                ('lon', models.FloatField(help_text='Degrees, WGS 84.')),
                ('time_zone', models.CharField(help_text='IANA.', max_length=64, validators=[logistics.models.partners.known_zone])),
            ],
            options={
                'verbose_name_plural': 'cities',
                'ordering': ['country', 'name'],
                'constraints': [models.UniqueConstraint(fields=('country', 'name'), name='city_once_a_country'), models.CheckConstraint(condition=models.Q(('lat__gte', -90), ('lat__lte', 90), ('lon__gte', -180), ('lon__lte', 180)), name='city_is_on_earth')],
            },
        ),
        migrations.RunPython(planted, migrations.RunPython.noop),
    ]
