"""Credentials with a mode, their use and keys to read with; what pick-ups changed since."""

from datetime import timedelta
from itertools import groupby
from typing import Any

import django.db.models.deletion
import django.utils.timezone
import logistics.models.partners
from django.db import migrations, models


OVERLAP = timedelta(hours=24)


def give_ends(apps: Any, schema_editor: Any) -> None:
    """Of several secrets without an end only the newest has none: the one before it counts a day
    longer, any older one no more."""
    now = django.utils.timezone.now()
    secrets = apps.get_model("logistics", "CourierSecret").objects
    endless = secrets.filter(expires_at__isnull=True)
    endless = endless.order_by("courier_id", "direction", "-not_before", "-id")
    for _, group in groupby(endless, key=lambda one: (one.courier_id, one.direction)):
        for place, secret in enumerate(list(group)[1:]):
            secret.expires_at = max(secret.not_before, now + (OVERLAP if place == 0 else timedelta()))
            secret.save(update_fields=["expires_at"])


def date_changes(apps: Any, schema_editor: Any) -> None:
    """What changed before anybody wrote it down counts as changed when it was asked for."""
    bookings = apps.get_model("logistics", "PickupBooking").objects
    bookings.update(changed_at=models.F("requested_at"))


class Migration(migrations.Migration):

    dependencies = [
        ('logistics', '0005_cities'),
        ('returns', '0003_first_policy'),
    ]

    operations = [
        migrations.CreateModel(
            name='BadMessage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('code', models.CharField(help_text='As it was answered.', max_length=40)),
                ('count', models.PositiveIntegerField(default=1)),
                ('first_at', models.DateTimeField()),
                ('sample', models.TextField(help_text='Headers and body of the first, at most 4 kB.')),
            ],
            options={
                'ordering': ['-day', 'code'],
            },
        ),
        migrations.CreateModel(
            name='CourierReadKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sha256', models.CharField(max_length=64, unique=True)),
                ('fingerprint', models.CharField(help_text='First 8 hex digits of SHA-256.', max_length=8)),
                ('created_by', models.CharField(max_length=200)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(blank=True, help_text='Revoked: its moment.', null=True)),
                ('last_used_at', models.DateTimeField(blank=True, help_text='To the minute.', null=True)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.AlterModelOptions(
            name='couriersecret',
            options={'ordering': ['-not_before', '-id'], 'permissions': [('manage_credentials', "Can make, change and end couriers' credentials")]},
        ),
        migrations.RemoveConstraint(
            model_name='webhookreceipt',
            name='receipt_once',
        ),
        migrations.AddField(
            model_name='courier',
            name='allowed_networks',
            field=models.TextField(blank=True, help_text='Where its messages may come from, such as 192.0.2.0/24; empty: from anywhere.', validators=[logistics.models.partners.known_networks]),
        ),
        migrations.AddField(
            model_name='couriersecret',
            name='created_by',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='couriersecret',
            name='last_used_at',
            field=models.DateTimeField(blank=True, help_text='To the minute.', null=True),
        ),
        migrations.AddField(
            model_name='couriersecret',
            name='mode',
            field=models.CharField(choices=[('live', 'Live'), ('test', 'Test')], default='live', max_length=4),
        ),
        migrations.AddField(
            model_name='couriersecret',
            name='uses',
            field=models.PositiveIntegerField(default=0, help_text='In how many minutes it was used.'),
        ),
        migrations.AddField(
            model_name='pickupbooking',
            name='changed_at',
            field=models.DateTimeField(default=django.utils.timezone.now, help_text='When its courier could last see something new.'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='webhookreceipt',
            name='mode',
            field=models.CharField(choices=[('live', 'Live'), ('test', 'Test')], default='live', max_length=4),
        ),
        migrations.AlterField(
            model_name='trackingevent',
            name='raw',
            field=models.TextField(blank=True, help_text='As it came, in JSON; emptied in time.'),
        ),
        migrations.RunPython(date_changes, migrations.RunPython.noop),
        migrations.RunPython(give_ends, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='couriersecret',
            index=models.Index(condition=models.Q(('expires_at__isnull', False)), fields=['expires_at'], name='secret_ending'),
        ),
        migrations.AddIndex(
            model_name='pickupbooking',
            index=models.Index(fields=['courier', 'changed_at', 'id'], name='pickup_changed_since'),
        ),
        migrations.AddIndex(
            model_name='trackingevent',
            index=models.Index(condition=models.Q(('raw', ''), _negated=True), fields=['received_at'], name='event_raw_kept'),
        ),
        migrations.AddIndex(
            model_name='webhookreceipt',
            index=models.Index(fields=['received_at'], name='receipt_by_age'),
        ),
        migrations.AddConstraint(
            model_name='couriersecret',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ['live', 'test'])), name='secret_mode_known'),
        ),
        migrations.AddConstraint(
            model_name='couriersecret',
            constraint=models.UniqueConstraint(condition=models.Q(('expires_at__isnull', True)), fields=('courier', 'direction', 'mode'), name='one_secret_without_an_end'),
        ),
        migrations.AddConstraint(
            model_name='webhookreceipt',
            constraint=models.UniqueConstraint(fields=('courier', 'mode', 'webhook_id'), name='receipt_once_a_mode'),
        ),
        migrations.AddConstraint(
            model_name='webhookreceipt',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ['live', 'test'])), name='receipt_mode_known'),
        ),
        migrations.AddField(
            model_name='badmessage',
            name='courier',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='bad_messages', to='logistics.courier'),
        ),
        migrations.AddField(
            model_name='courierreadkey',
            name='courier',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='read_keys', to='logistics.courier'),
        ),
        migrations.AddConstraint(
            model_name='badmessage',
            constraint=models.UniqueConstraint(fields=('courier', 'day', 'code'), name='bad_message_a_day'),
        ),
        migrations.AddConstraint(
            model_name='courierreadkey',
            constraint=models.CheckConstraint(condition=models.Q(('expires_at__isnull', True), ('expires_at__gte', models.F('created_at')), _connector='OR'), name='read_key_expires_after_it_begins'),
        ),
    ]
